// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What is said where there is no libibverbs, or another library of its name. */
@Timeout(value = 1, unit = TimeUnit.MINUTES)
class VerbsLoaderTest {
  private static final String ABSENT = "libno-such-verbs.so.7";

  @Test
  void anAbsentLibraryIsACauseWithARemedy() {
    VerbsLoader loader = new VerbsLoader(ABSENT);
    assertThat(loader.unavailabilityCause())
        .contains(ABSENT + " not found. Install libibverbs1 and ibverbs-providers (rdma-core)");
    assertThat(loader.loaded()).isEmpty();
    assertThatThrownBy(loader::library)
        .isInstanceOfSatisfying(
            TransferException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.CONTEXT);
              assertThat(e).hasMessage(loader.unavailabilityCause().orElseThrow());
              assertThat(e.remedy()).startsWith("Install libibverbs1");
            });
  }

  @Test
  void aLibraryWithoutTheVerbsIsACauseWithARemedy() {
    VerbsLoader loader = new VerbsLoader("libm.so.6");
    assertThat(loader.unavailabilityCause())
        .hasValueSatisfying(
            cause ->
                assertThat(cause)
                    .startsWith("libm.so.6 has no ibv_get_device_list. Install libibverbs1"));
    assertThatThrownBy(loader::library).isInstanceOf(TransferException.class);
  }
}
