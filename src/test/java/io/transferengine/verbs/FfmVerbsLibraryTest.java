// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.testkit.Needs;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The real libibverbs, as far as it goes without a device. */
@Timeout(value = 1, unit = TimeUnit.MINUTES)
class FfmVerbsLibraryTest {
  @BeforeAll
  static void libraryIsThere() {
    Optional<String> cause = Verbs.unavailabilityCause();
    Needs.that(cause.isEmpty(), cause.orElse(""));
  }

  @Test
  void theLoadedFileIsNamed() {
    assertThat(Verbs.loaded())
        .hasValueSatisfying(
            loaded -> {
              assertThat(Path.of(loaded.path())).isRegularFile();
              assertThat(loaded.path()).contains("libibverbs.so.1");
              assertThat(loaded.version()).startsWith("1");
            });
    assertThat(Verbs.library()).isSameAs(Verbs.library());
  }

  @Test
  void aDeviceThatIsNotThereIsNamedWithThoseThatAre() {
    List<String> present = Device.names(Verbs.library());
    assertThat(present).doesNotContain("nothing0");
    assertThatThrownBy(() -> Context.open(Verbs.library(), "nothing0"))
        .isInstanceOfSatisfying(
            TransferException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.DEVICE_NOT_FOUND);
              assertThat(e.device()).contains("nothing0");
              assertThat(e)
                  .hasMessageStartingWith(
                      "nothing0: no RDMA device of this name; libibverbs lists " + present);
            });
  }

  @Test
  void aWakeUpIsKeptUntilItIsWaitedFor() throws InterruptedException {
    EventWaiter waiter = new EventWaiter(Verbs.library());
    waiter.await(0);
    waiter.wakeUp();
    waiter.await(-1);
    Thread waker = Thread.ofPlatform().daemon().start(waiter::wakeUp);
    waiter.await(-1);
    waker.join();
    waiter.close();
    waiter.wakeUp();
    assertThatThrownBy(() -> waiter.await(0)).isInstanceOf(IllegalStateException.class);
  }
}
