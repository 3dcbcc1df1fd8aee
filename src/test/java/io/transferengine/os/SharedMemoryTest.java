// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.testkit.Needs;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class SharedMemoryTest {
  private static final Path RESERVED = Path.of("/proc/sys/vm/nr_hugepages");
  private static final Path ON_DEMAND = Path.of("/proc/sys/vm/nr_overcommit_hugepages");
  private static final String NAME = "te-shared-memory-test";
  private static final long BYTES = 100_000;

  private static Path link(SharedMemory of) {
    return Path.of("/proc/self/fd/" + of.descriptor());
  }

  /** The lines about our memfds in what the kernel says of this process. */
  private static List<String> lines() throws IOException {
    List<String> all = Files.readAllLines(Path.of("/proc/self/maps"), ISO_8859_1);
    return all.stream().filter(line -> line.contains("/memfd:" + NAME + " ")).toList();
  }

  @Test
  void whatOneMappingHasTheOtherHas() throws Exception {
    SharedMemory made = SharedMemory.of(NAME, BYTES);
    try (Arena arena = Arena.ofConfined();
        FileChannel file =
            FileChannel.open(link(made), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      assertThat(made.memory().byteSize()).isEqualTo(BYTES);
      MemorySegment other = file.map(FileChannel.MapMode.READ_WRITE, 0, BYTES, arena);
      assertThat(other.address()).isNotEqualTo(made.memory().address());
      assertThat(other.get(ValueLayout.JAVA_BYTE, BYTES - 1)).isZero();
      made.memory().fill((byte) 7);
      assertThat(other.mismatch(made.memory())).isEqualTo(-1);
    } finally {
      made.close();
    }
  }

  /** The kernel gives a memfd of any size, and ends who fills it. */
  @Test
  void whatNoMachineHasIsRefused() throws IOException {
    String overcommit = Files.readString(Path.of("/proc/sys/vm/overcommit_memory")).strip();
    Needs.ofMachine(!overcommit.equals("1"), "this kernel gives any memory (vm.overcommit_memory)");
    assertThatThrownBy(() -> SharedMemory.of(NAME, 1L << 46))
        .isInstanceOf(NativeCallException.class)
        .hasMessageContaining("mmap");
    assertThat(lines()).isEmpty();
  }

  /** A mapping of a file that gets shorter ends the process that touches it. */
  @Test
  void nobodyChangesItsSize() throws Exception {
    SharedMemory made = SharedMemory.of(NAME, BYTES);
    try (RandomAccessFile file = new RandomAccessFile(link(made).toString(), "rw")) {
      long size = file.length();
      assertThat(size).isBetween(BYTES, BYTES + 65_535);
      assertThatThrownBy(() -> file.setLength(0)).isInstanceOf(IOException.class);
      assertThatThrownBy(() -> file.setLength(size + 1)).isInstanceOf(IOException.class);
      assertThat(file.length()).isEqualTo(size);
    } finally {
      made.close();
    }
  }

  @Test
  void afterTheEndNothingIsLeft() throws Exception {
    SharedMemory made = SharedMemory.of(NAME, BYTES);
    assertThat(lines()).hasSize(1);
    MemorySegment memory = made.memory();
    made.close();
    assertThat(lines()).isEmpty();
    try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
      assertThat(open.map(SharedMemoryTest::target)).noneMatch(name -> name.contains(NAME));
    }
    assertThatThrownBy(() -> memory.get(ValueLayout.JAVA_BYTE, 0))
        .isInstanceOf(IllegalStateException.class);
  }

  private static String target(Path link) {
    try {
      return Files.readSymbolicLink(link).toString();
    } catch (IOException closedMeanwhile) {
      return "";
    }
  }

  @Test
  void aProgramThatWeStartGetsNeitherMappingNorDescriptor() throws Exception {
    SharedMemory made = SharedMemory.of(NAME, BYTES);
    try {
      Process child =
          new ProcessBuilder("sh", "-c", "cat /proc/self/maps; ls -l /proc/self/fd").start();
      String text = new String(child.getInputStream().readAllBytes(), ISO_8859_1);
      assertThat(child.waitFor()).isZero();
      assertThat(text).contains("[stack]").doesNotContain(NAME);
    } finally {
      made.close();
    }
  }

  @Test
  void moreThanTheMachineHasIsRefusedBeforeAnythingIsTaken() throws Exception {
    assertThatThrownBy(() -> SharedMemory.of(NAME, 1L << 47))
        .isInstanceOf(NativeCallException.class);
    assertThat(lines()).isEmpty();
    try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
      assertThat(open.map(SharedMemoryTest::target)).noneMatch(name -> name.contains(NAME));
    }
  }

  private static long freeHugePages() throws IOException {
    return Files.readAllLines(Path.of("/proc/meminfo"), ISO_8859_1).stream()
        .filter(line -> line.startsWith("HugePages_Free:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
        .findFirst()
        .orElse(0);
  }

  @Test
  void hugePagesThatAreNotReservedAreRefused() throws Exception {
    Needs.ofMachine(
        Files.readString(Path.of("/proc/meminfo")).contains("Hugepagesize"),
        "this kernel has no huge pages");
    long page = SharedMemory.hugePageBytes();
    long onDemand = Long.parseLong(Files.readString(ON_DEMAND).strip());
    long tooMany = (freeHugePages() + onDemand + 1) * page;
    assertThatThrownBy(() -> SharedMemory.ofHugePages(NAME, tooMany))
        .isInstanceOf(NativeCallException.class);
    assertThat(lines()).isEmpty();
  }

  @Test
  void reservedHugePagesAreUsed() throws Exception {
    String before = reserveOne();
    try {
      Needs.ofMachine(freeHugePages() > 0, "no huge page is reserved here, and none can be");
      long page = SharedMemory.hugePageBytes();
      SharedMemory made;
      try {
        made = SharedMemory.ofHugePages(NAME, page / 2);
      } catch (NativeCallException e) {
        // A container may have none of the machine's.
        Needs.ofMachine(false, String.valueOf(e.getMessage()));
        throw e;
      }
      try {
        assertThat(made.memory().address() % page).isZero();
        assertThat(made.memory().byteSize()).isEqualTo(page / 2);
        made.memory().fill((byte) 7);
        assertThat(Files.size(link(made))).isEqualTo(page);
      } finally {
        made.close();
      }
    } finally {
      if (!before.isEmpty()) {
        Files.writeString(RESERVED, before);
      }
    }
  }

  /** {@return how many were reserved before; empty if that was not changed} Root may change it. */
  private static String reserveOne() throws IOException {
    if (freeHugePages() > 0 || !Files.isWritable(RESERVED)) {
      return "";
    }
    String before = Files.readString(RESERVED).strip();
    try {
      Files.writeString(RESERVED, Long.toString(Long.parseLong(before) + 1));
    } catch (IOException refused) {
      return ""; // A container may not, though its root can write all else.
    }
    return before;
  }
}
