// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static io.transferengine.fuzz.Oracle.require;

import io.transferengine.fuzz.FuzzTarget;
import io.transferengine.fuzz.Tape;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.zip.CRC32C;

/**
 * A target's data port: requests of versions 1 and 2, vectored ones, the identity frame and the
 * hello of checked connections, in any order, right or a little wrong, and anything at all. Each
 * stream is served twice, in one piece and cut.
 */
public final class TargetFuzz implements FuzzTarget {
  private static final int MEMORY_BYTES = 128 << 10;
  private static final int HALF_BYTES = MEMORY_BYTES / 2;
  private static final int BODY_BYTES_MAX = 300_000;
  private static final int REQUESTS_MAX = 8;

  private static final long HELLO_MARK = 0x4b43_4843_4554_5f7fL;
  private static final long INCARNATION = 0x0123456789abcdefL;
  private static final int[] OPCODES = {
    0x80, 0x81, 0xe0, 0xe1, 0x00, 0x01, 0xe2, 0xe3, 0x60, 0x61, 0x62, 0x63
  };

  /** What became of a stream. */
  private static final class Outcome {
    final boolean open;
    final boolean dry;
    final byte[] answers;
    final byte[] memory;

    Outcome(boolean open, boolean dry, byte[] answers, byte[] memory) {
      this.open = open;
      this.dry = dry;
      this.answers = answers;
      this.memory = memory;
    }
  }

  @Override
  public void run(byte[] input) {
    Outcome whole;
    Outcome cut;
    try (Arena arena = Arena.ofShared()) {
      // The same for both: addresses are in the stream, and may be taken for a part of a body.
      MemorySegment memory = arena.allocate(MEMORY_BYTES, 4096);
      whole = serve(input, memory, false);
      cut = serve(input, memory.fill((byte) 0), true);
    }
    // Without a block to stage in, how much is served before that depends on the reads.
    if (!whole.dry && !cut.dry) {
      require(whole.open == cut.open, "cut or not decides whether the connection stays");
      require(Arrays.equals(whole.memory, cut.memory), "cut or not decides what is written");
      // A reset takes with it what was answered and has not left.
      int compared =
          whole.open
              ? Math.max(whole.answers.length, cut.answers.length)
              : Math.min(whole.answers.length, cut.answers.length);
      require(
          Arrays.equals(
              Arrays.copyOf(whole.answers, compared), Arrays.copyOf(cut.answers, compared)),
          () -> "answered " + shown(whole.answers) + ", or when it was cut " + shown(cut.answers));
    }
  }

  private static Outcome serve(byte[] input, MemorySegment memory, boolean cut) {
    try (FedTarget target = new FedTarget(memory)) {
      byte[] stream = stream(new Tape(input), target.address());
      ByteArrayOutputStream answers = new ByteArrayOutputStream();
      boolean dry = false;
      for (int at = 0; at < stream.length && target.channel.isOpen() && !dry; ) {
        int piece = cut ? 1 + (at * 7 + 5) % 97 : stream.length;
        int end = Math.min(stream.length, at + piece);
        try {
          int _ = target.feed(Arrays.copyOfRange(stream, at, end));
        } catch (StagingDry none) {
          dry = true;
        }
        answers.writeBytes(target.answers());
        at = end;
      }
      target.channel.runPendingTasks();
      answers.writeBytes(target.answers());
      boolean open = target.channel.isOpen();
      var _ = target.channel.close();
      target.channel.runPendingTasks();
      require(target.region.inFlight() == 0, () -> "a use is kept: " + target.region);
      byte[] content = memory.toArray(ValueLayout.JAVA_BYTE);
      return new Outcome(open, dry, answers.toByteArray(), content);
    }
  }

  private static String shown(byte[] bytes) {
    return bytes.length
        + " bytes, the last of them "
        + HexFormat.of().formatHex(bytes, Math.max(0, bytes.length - 40), bytes.length);
  }

  private static byte[] stream(Tape tape, long base) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    int first = tape.next();
    boolean checked = (first & 1) != 0;
    if (checked) {
      byte[] hello = header(HELLO_MARK, INCARNATION, 0xe3);
      out.writeBytes(hello);
      sum(out, hello, tape);
    } else if ((first & 2) != 0) {
      out.writeBytes(header(0, INCARNATION, 0xe2));
      out.writeBytes(new byte[4]);
    }
    for (int i = 0; i < REQUESTS_MAX && !tape.isOver(); i++) {
      if (tape.next() == 0xff) {
        out.writeBytes(tape.bytes(64));
      } else {
        request(out, tape, base, checked);
      }
    }
    return out.toByteArray();
  }

  private static void request(ByteArrayOutputStream out, Tape tape, long base, boolean checked) {
    int choice = tape.next();
    int opcode = choice < 0xf0 ? OPCODES[choice % OPCODES.length] : tape.next();
    boolean vectored = (opcode & 0x7e) == 0x60;
    int ranges = vectored ? tape.below(6) : 1;
    ByteBuffer table = ByteBuffer.allocate(16 * ranges).order(ByteOrder.LITTLE_ENDIAN);
    long address = 0;
    long length = 0;
    long total = 0;
    for (int i = 0; i < ranges; i++) {
      int kind = tape.next();
      // A large read is sent from where it lies, perhaps after a write that came behind it: so what
      // is read is not written here.
      boolean write = (opcode & 1) != 0;
      int offset = tape.below(HALF_BYTES);
      address = base + offset + (write ? HALF_BYTES : 0);
      length = Math.min(HALF_BYTES - offset, kind < 0x40 ? tape.below(40_000) : 1 + tape.below(60));
      if (kind >= 0xf0) {
        address = tape.number();
        length = tape.number();
      } else if (kind >= 0xe0) {
        address = write ? base + MEMORY_BYTES - tape.below(9000) : base - tape.below(9000);
        length = tape.below(9000);
      }
      table.putLong(address).putLong(length);
      total += length;
    }
    int odd = tape.next();
    long size = odd == 0xff ? tape.number() : vectored ? total : length;
    if ((opcode & 1) == 0 && size > length && size <= MEMORY_BYTES) {
      // It would read what is written, too. More than there is may still be asked for.
      size += MEMORY_BYTES;
    }
    byte[] header = header(size, vectored ? ranges : address, opcode);
    out.writeBytes(header);
    if (checked) {
      sum(out, header, tape);
    } else {
      out.writeBytes(new byte[4]);
    }
    if (vectored) {
      out.writeBytes(table.array());
      if (checked) {
        sum(out, table.array(), tape);
      }
    }
    if ((opcode & 1) == 1 && total >= 0 && total < BODY_BYTES_MAX) {
      byte[] body = new byte[(int) total];
      Arrays.fill(body, (byte) tape.next());
      out.writeBytes(body);
      if (checked) {
        sum(out, body, tape);
      }
    }
  }

  private static byte[] header(long size, long address, int opcode) {
    return ByteBuffer.allocate(20)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(size)
        .putLong(address)
        .putInt(opcode)
        .array();
  }

  /** The checksum, one time in sixteen a wrong one. */
  private static void sum(ByteArrayOutputStream out, byte[] bytes, Tape tape) {
    CRC32C crc = new CRC32C();
    crc.update(bytes);
    int value = (int) crc.getValue() ^ (tape.next() >= 0xf0 ? 1 : 0);
    out.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
  }
}
