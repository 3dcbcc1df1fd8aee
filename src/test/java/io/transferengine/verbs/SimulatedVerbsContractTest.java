// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;

/** {@link VerbsContract} on the simulator, which must find nothing to complain about. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class SimulatedVerbsContractTest extends VerbsContract {
  private final SimulatedFabric fabric = new SimulatedFabric(1);

  @Override
  VerbsLibrary library() {
    return fabric.process("a", devices());
  }

  @Override
  List<String> devices() {
    return List.of("sim0", "sim1");
  }

  @Override
  void verifyClosed() {
    assertThat(fabric.violations()).isEmpty();
    assertThat(fabric.openHandles()).isEmpty();
    fabric.close();
  }
}
