// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ReservedMemoryTest {
  /** An engine closes a page at each unregistration, and none of them is used again. */
  @Test
  void aPartThatIsClosedTakesNoMemoryAnyMore() {
    int page = ReservedMemory.pageBytes();
    ReservedMemory reserved = ReservedMemory.ofBytes(2L * page);
    try {
      reserved.open(0, 2L * page);
      reserved.memory().fill((byte) 7);
      reserved.close(0, page);
      reserved.open(0, page);
      assertThat(reserved.memory().get(ValueLayout.JAVA_BYTE, 0)).isZero();
      assertThat(reserved.memory().get(ValueLayout.JAVA_BYTE, page)).isEqualTo((byte) 7);
    } finally {
      reserved.unmap();
    }
  }

  private static final String NAME = "te-reserved-memory-test";

  /** The lines about our memfd in what the kernel says of this process. */
  private static List<String> lines(String file) throws IOException {
    List<String> all = Files.readAllLines(Path.of("/proc/self/" + file), ISO_8859_1);
    return all.stream().filter(line -> line.contains("/memfd:" + NAME + " ")).toList();
  }

  @Test
  void aMemfdIsOneMappingAndOneDescriptorAndThenNothing() throws Exception {
    int page = ReservedMemory.pageBytes();
    ReservedMemory made = ReservedMemory.ofMemfd(NAME, 4L * page);
    try {
      made.memory().fill((byte) 7);
      assertThat(lines("maps")).hasSize(1);
      // "dc": a child process does not get it.
      List<String> smaps = Files.readAllLines(Path.of("/proc/self/smaps"), ISO_8859_1);
      int at = smaps.indexOf(lines("maps").getFirst());
      String flags =
          smaps.stream()
              .skip(at)
              .filter(line -> line.startsWith("VmFlags:"))
              .findFirst()
              .orElseThrow();
      assertThat(flags + " ").contains(" dc ");
      try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
        assertThat(open.map(ReservedMemoryTest::target))
            .filteredOn(n -> n.contains(NAME))
            .hasSize(1);
      }
      LinuxProcesses processes = new LinuxProcesses();
      int pid = processes.own();
      long address = made.address();
      Optional<Processes.MemfdFile> found = processes.memfd(pid, address, 4L * page, NAME);
      assertThat(found).isPresent();
      assertThat(processes.memfd(pid, address, page, NAME)).isEqualTo(found);
      assertThat(processes.memfd(pid, address, 4L * page + 1, NAME)).isEmpty();
      assertThat(processes.memfd(pid, address + page, page, NAME)).isEmpty();
      assertThat(processes.memfd(pid, address, page, NAME + "s")).isEmpty();
    } finally {
      made.unmap();
    }
    assertThat(lines("maps")).isEmpty();
    try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
      assertThat(open.map(ReservedMemoryTest::target)).noneMatch(name -> name.contains(NAME));
    }
  }

  private static String target(Path link) {
    try {
      return Files.readSymbolicLink(link).toString();
    } catch (IOException closedMeanwhile) {
      return "";
    }
  }
}
