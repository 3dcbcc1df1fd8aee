// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.Needs;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The kernel's text: that NVIDIA's assembler takes it, and that it copies what it should. */
@Timeout(120)
class CopyKernelTest {
  private static final Path TEXT =
      Path.of("src/main/resources/io/transferengine/device/copy_ranges.ptx");
  private static final Path ASSEMBLER = Path.of("/usr/local/cuda/bin/ptxas");

  /** Where the machine's memory begins, and the two sides in it. */
  private static final long BASE = 0x7000_0000_0000L;

  private static final int SIDE = 1 << 17;
  private static final int TABLE = 2 * SIDE;

  /** CUDA 13 has left the first one out, which the text is for, and CUDA 12.0 knows no second. */
  private static final List<String> NOT_IN_ALL = List.of("sm_70", "sm_100");

  @ParameterizedTest
  @ValueSource(strings = {"sm_70", "sm_75", "sm_80", "sm_90", "sm_100"})
  void assembles(String architecture, @TempDir Path directory) throws Exception {
    Needs.ofMachine(Files.exists(ASSEMBLER), "no " + ASSEMBLER + ": it comes with CUDA's toolkit");
    String known = String.join(" ", run(0, ASSEMBLER.toString(), "--help"));
    if (!known.contains("'" + architecture + "'")) {
      assertThat(NOT_IN_ALL).contains(architecture);
      return;
    }
    Path out = directory.resolve("kernel");

    List<String> said =
        run(
            0,
            ASSEMBLER.toString(),
            "--warning-as-error",
            "-arch=" + architecture,
            "-o",
            out.toString(),
            TEXT.toString());

    assertThat(said).isEmpty();
    assertThat(out).isNotEmptyFile();
  }

  private static List<String> run(int status, String... command) throws Exception {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    try {
      process.getOutputStream().close();
      List<String> lines = process.inputReader().readAllLines();
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).as("%s", lines).isEqualTo(status);
      return lines;
    } finally {
      process.destroyForcibly();
    }
  }

  /** The memory, little-endian, which counts how often each byte of the target is written. */
  private static final class Bytes implements PtxMachine.Memory {
    final byte[] all = new byte[3 * SIDE];
    final ByteBuffer view = ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN);
    final byte[] written = new byte[3 * SIDE];

    @Override
    public long load(long address, int bytes) {
      int at = Math.toIntExact(address - BASE);
      return switch (bytes) {
        case 1 -> view.get(at) & 0xff;
        case 4 -> view.getInt(at) & 0xffff_ffffL;
        default -> view.getLong(at);
      };
    }

    @Override
    public void store(long address, int bytes, long value) {
      int at = Math.toIntExact(address - BASE);
      if (bytes == 1) {
        view.put(at, (byte) value);
      } else {
        view.putInt(at, (int) value);
      }
      for (int i = 0; i < bytes; i++) {
        written[at + i]++;
      }
    }
  }

  private static void copies(PtxMachine machine, int from, int to, int length, int threads) {
    Bytes memory = new Bytes();
    new Random(length).nextBytes(memory.all);
    byte[] before = memory.all.clone();
    // Two rows, of which the second is the one that is run.
    memory.view.putLong(TABLE + 8, BASE + from);
    memory.view.putLong(TABLE + 24, BASE + SIDE + to);
    memory.view.putLong(TABLE + 40, length);
    for (int thread = 0; thread < threads; thread++) {
      machine.run(memory, BASE + TABLE, 1, 2, thread, threads);
    }
    String what = "%d bytes from %d to %d, %d threads".formatted(length, from, to, threads);
    for (int i = 0; i < SIDE; i++) {
      boolean inside = i >= to && i < to + length;
      int at = SIDE + i;
      if (memory.written[at] != (inside ? 1 : 0)) {
        throw new AssertionError(
            "%s: byte %d written %d times".formatted(what, i, memory.written[at]));
      }
      if (inside && memory.all[at] != before[from + i - to]) {
        throw new AssertionError("%s: byte %d is another".formatted(what, i));
      }
    }
    assertThat(Arrays.mismatch(memory.all, 0, SIDE, before, 0, SIDE)).as(what).isEqualTo(-1);
  }

  @Test
  void copiesEveryAlignmentAndLength() throws IOException {
    PtxMachine machine = new PtxMachine(Files.readString(TEXT));
    for (int from = 0; from < 16; from++) {
      for (int to = 0; to < 16; to++) {
        for (int length : new int[] {1, 2, 3, 15, 16, 17, 31, 33, 100}) {
          copies(machine, from, to, length, 32);
        }
      }
    }
  }

  @Test
  void copiesMoreThanThereAreThreads() throws IOException {
    PtxMachine machine = new PtxMachine(Files.readString(TEXT));
    copies(machine, 0, 0, 64 << 10, 256);
    copies(machine, 5, 5, (64 << 10) - 3, 256);
    copies(machine, 3, 7, 40_001, 256);
    copies(machine, 1, 2, 5_001, 256);
  }
}
