// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
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

  /** Of this process: an open context is a descriptor of a file in /dev/infiniband. */
  @Override
  void verifyClosed() {
    try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
      assertThat(descriptors.map(FfmVerbsContractTest::target))
          .noneMatch(target -> target.contains("infiniband") || target.contains("eventfd"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What a descriptor is open on; empty for one that is closed meanwhile. */
  private static String target(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString();
    } catch (IOException closed) {
      return "";
    }
  }
}
