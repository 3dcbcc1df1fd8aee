// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.testkit.Needs;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class MappedMemoryTest {
  private static final String MAPS =
      """
      00001000-00003000 rw-p 00000000 00:00 0
      00003000-00004000 rw-s 00000000 08:01 42                                 /dev/shm/a b \u00e9
      00004000-00005000 r--p 00000000 08:01 43                                 /usr/lib/libc.so.6
      00008000-00009000 rw-p 00000000 00:00 0                                  [heap]
      7fff00000000-7fff00010000 ---p 00000000 00:00 0
      ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
      """;

  @TempDir Path folder;
  private Path maps = Path.of("unset");

  @BeforeEach
  void writeMaps() throws IOException {
    maps = folder.resolve("maps");
    Files.writeString(maps, MAPS, StandardCharsets.ISO_8859_1);
  }

  private void require(long address, long length) {
    MappedMemory.requireAllReadableWritable(maps, new long[] {address}, new long[] {length});
  }

  private void assertRefused(long address, long length, String... texts) {
    assertThatThrownBy(() -> require(address, length))
        .isInstanceOf(TransferException.class)
        .hasMessageContainingAll(texts)
        .extracting(e -> ((TransferException) e).code())
        .isEqualTo(ErrorCode.INVALID_ARGUMENT);
  }

  @Test
  void acceptsOneMappingAndNeighboursTogether() {
    require(0x1000, 0x2000);
    require(0x1fff, 1);
    require(0x1000, 0x3000);
    require(0x8fff, 1);
  }

  @Test
  void saysWhatIsNotMapped() {
    assertRefused(0x10, 1, "[0x10, 0x11)", "nothing is mapped from 0x10 to 0x11");
    assertRefused(0xfff, 2, "nothing is mapped from 0xfff to 0x1000");
    assertRefused(
        0x8000, 0x1001, "it is so up to 0x9000, but nothing is mapped from 0x9000 to 0x9001");
    assertRefused(0x7ffff0000000L, 5, "nothing is mapped from 0x7ffff0000000");
  }

  @Test
  void saysWhatIsMappedOtherwise() {
    assertRefused(0x4000, 8, "0x4000 to 0x4008 is mapped r--p (/usr/lib/libc.so.6)");
    assertRefused(0x3ff0, 0x20, "up to 0x4000", "0x4000 to 0x4010 is mapped r--p");
    assertRefused(0x7fff00000000L, 1, "is mapped ---p");
  }

  @Test
  void refusesImpossibleRanges() {
    assertRefused(0x1000, 0, "Length 0");
    assertRefused(-0x1000, 1, "Address");
    assertRefused(0x1000, Long.MAX_VALUE, "beyond the address space");
  }

  @Test
  void namesTheFirstBadOneOfMany() {
    assertThatThrownBy(
            () ->
                MappedMemory.requireAllReadableWritable(
                    maps, new long[] {0x1000, 0x9000, 0x10}, new long[] {8, 8, 8}))
        .hasMessageContaining("[0x9000, 0x9008)");
  }

  @Test
  void acceptsAllWhereTheFileIsMissing() throws IOException {
    Files.delete(maps);
    require(0x10, 1);
  }

  @Test
  void aCheckThatCannotBeMadeHasFailed() throws IOException {
    Files.writeString(maps, "not a map\n\nx-y rw-p\n");
    assertNotChecked("lists no mapping");
    Files.delete(maps);
    Files.createDirectory(maps);
    assertNotChecked("cannot be read");
  }

  private void assertNotChecked(String why) {
    assertThatThrownBy(() -> require(0x1000, 1))
        .isInstanceOfSatisfying(
            TransferException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.CONTEXT))
        .hasMessageContainingAll("[0x1000, 0x1001)", "could not be checked", why, "ulimit -n");
  }

  @Test
  void knowsThisProcess() throws IOException {
    Needs.ofMachine(
        Files.isReadable(Path.of("/proc/self/maps")), "this system has no /proc/self/maps");
    try (Arena arena = Arena.ofShared()) {
      MemorySegment memory = arena.allocate(1 << 20);
      MappedMemory.requireReadableWritable(memory.address(), memory.byteSize());

      Path file = folder.resolve("read-only");
      Files.write(file, new byte[8192]);
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
        MemorySegment readOnly = channel.map(FileChannel.MapMode.READ_ONLY, 0, 8192, arena);
        assertThatThrownBy(() -> MappedMemory.requireReadableWritable(readOnly.address(), 8192))
            .isInstanceOf(TransferException.class)
            .hasMessageContainingAll("is mapped r--", "read-only");
      }
    }
    assertThatThrownBy(() -> MappedMemory.requireReadableWritable(8, 8))
        .isInstanceOf(TransferException.class)
        .hasMessageContaining("nothing is mapped from 0x8");
    assertThat(folder).isDirectory();
  }
}
