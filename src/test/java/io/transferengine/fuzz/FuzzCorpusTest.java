// SPDX-License-Identifier: Apache-2.0
package io.transferengine.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every input that is kept, without Jazzer: beginnings for it, and what was found with it. */
class FuzzCorpusTest {
  static Iterable<String> names() {
    return FuzzTargets.names();
  }

  @AfterEach
  void unwatch() {
    LoggedFaults.unwatch();
  }

  @ParameterizedTest
  @MethodSource("names")
  void whatIsKeptIsHandledWell(String name) throws Exception {
    LoggedFaults.watch(true);
    assertThat(FuzzTargets.inputs(name)).isNotEmpty();
    try (FuzzTarget target = FuzzTargets.make(name)) {
      for (Path file : FuzzTargets.inputs(name)) {
        try {
          FuzzDriver.runChecked(target, Files.readAllBytes(file));
        } catch (Throwable t) {
          throw new AssertionError("./te fuzz " + name + " --input " + file, t);
        }
      }
    }
  }
}
