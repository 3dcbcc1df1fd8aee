// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;

/** {@link VerbsContract} on the real library and two real devices, such as soft-RoCE's. */
@Tag("rdma")
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class FfmVerbsContractTest extends VerbsContract {
  private static final List<String> DEVICES = List.of("rxe0", "rxe1");

  @Override
  VerbsLibrary library() {
    Optional<String> cause = Verbs.unavailabilityCause();
    assumeTrue(cause.isEmpty(), cause::orElseThrow);
    List<String> present = Device.names(Verbs.library());
    assumeTrue(
        present.containsAll(DEVICES),
        () -> "Needs the devices " + DEVICES + "; this machine has " + present);
    return Verbs.library();
  }

  @Override
  List<String> devices() {
    return DEVICES;
  }
}
