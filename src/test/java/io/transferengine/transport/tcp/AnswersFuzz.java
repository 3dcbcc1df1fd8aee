// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static io.transferengine.fuzz.Oracle.require;

import io.transferengine.fuzz.FuzzTarget;
import io.transferengine.fuzz.Tape;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferState;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.zip.CRC32C;

/**
 * What a target answers to reads and writes of either version, vectored or not, checked or not:
 * right, a little wrong, or anything at all. Each transfer is told of one end, and no byte changes
 * outside the blocks of reads.
 */
public final class AnswersFuzz implements FuzzTarget {
  private static final int SLOTS = 16;
  private static final int SLOT_BYTES = 32 << 10;
  private static final long BASE = 0x7f5a_0000_0000L;
  private static final long INCARNATION = 0x0123456789abcdefL;
  private static final byte MARK = 0x5a;
  private static final int ROUNDS_MAX = 32;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment memory = arena.allocate((long) SLOTS * SLOT_BYTES, 4096);

  @Override
  public void run(byte[] input) {
    Tape tape = new Tape(input);
    int nature = tape.next();
    boolean version2 = (nature & 1) == 0;
    boolean checked = (nature & 4) != 0;
    boolean asked = checked || (nature & 8) != 0;
    WireForm form =
        new WireForm(
            version2,
            (nature & 2) != 0,
            checked,
            asked ? OptionalLong.of(INCARNATION) : OptionalLong.empty());
    memory.fill(MARK);
    List<FedLane.Work> all = new ArrayList<>();
    try (FedLane lane = new FedLane(form)) {
      for (int slot = 0; slot < 1 + tape.next() % 4; slot++) {
        FedLane.Work work = work(tape, slot);
        all.add(work);
        lane.submit(work);
      }
      Asked requests = new Asked(form.checked());
      for (int round = 0; round < ROUNDS_MAX && lane.channel.isOpen() && !tape.isOver(); round++) {
        requests.sent(lane.requests());
        answer(lane, tape, requests, form);
      }
      boolean told = lane.end();
      require(told, () -> "the lane was not told of the end: " + lane.connection);
    }
    for (FedLane.Work work : all) {
      require(work.ends.size() == 1, () -> work.task.describe() + " was told " + work.ends);
      require(work.task.isQuiet(), () -> "not quiet: " + work.task.describe());
      boolean complete = work.ends.getFirst() == TransferState.COMPLETED;
      require(
          complete == (work.task.completedBytes() == work.task.totalBytes()),
          () -> work.ends + " with " + work.task.describe());
    }
    requireMarks(all);
  }

  private FedLane.Work work(Tape tape, int task) {
    int kind = tape.next();
    int count = 1 + (kind >> 2) % 4;
    boolean adjacent = (kind & 2) != 0;
    long[] local = new long[count];
    long[] remote = new long[count];
    long[] length = new long[count];
    for (int i = 0; i < count; i++) {
      int longest = tape.next() < 0x30 ? SLOT_BYTES - 200 : 300;
      length[i] = adjacent ? 100 : 1 + tape.below(longest);
      long at = (long) (task * 4 + i) * SLOT_BYTES + 100;
      if (adjacent) {
        at = (long) task * 4 * SLOT_BYTES + 100 + 100L * i;
      }
      local[i] = memory.address() + at;
      remote[i] = BASE + at;
    }
    return new FedLane.Work(
        (kind & 1) == 0 ? Operation.READ : Operation.WRITE, BlockColumns.of(local, remote, length));
  }

  /** The requests that were sent and not answered. */
  private static final class Asked {
    private final boolean checked;
    private final List<long[]> waiting = new ArrayList<>();
    private byte[] rest = {};

    Asked(boolean checked) {
      this.checked = checked;
    }

    /** Takes a stream apart by the protocol's description; a part of a request waits. */
    void sent(byte[] more) {
      byte[] all = Arrays.copyOf(rest, rest.length + more.length);
      System.arraycopy(more, 0, all, rest.length, more.length);
      ByteBuffer in = ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN);
      int sum = checked ? 4 : 0;
      int at = 0;
      while (all.length - at >= 24) {
        long size = in.getLong(at);
        int opcode = all[at + 16] & 0xff;
        int kind = opcode & 0x7f;
        long table = kind == 0x60 || kind == 0x61 ? 16 * in.getLong(at + 8) + sum : 0;
        long body = kind == 0x01 || kind == 0x61 ? size + sum : 0;
        if (all.length - at < 24 + table + body) {
          break;
        }
        waiting.add(new long[] {opcode, size});
        at += (int) (24 + table + body);
      }
      rest = Arrays.copyOfRange(all, at, all.length);
    }
  }

  private static void answer(FedLane lane, Tape tape, Asked asked, WireForm form) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    int choice = tape.next();
    if (choice >= 0xe0) {
      out.writeBytes(tape.bytes(1 + tape.next() % 64));
    } else if (choice >= 0xd0 || asked.waiting.isEmpty()) {
      lane.channel.pipeline().fireChannelInactive();
      var _ = lane.channel.close();
      return;
    } else {
      for (int i = 0; i < 1 + choice % 4 && !asked.waiting.isEmpty(); i++) {
        long[] request = asked.waiting.removeFirst();
        byte[] right = right((int) request[0], request[1], form, tape);
        int odd = tape.next();
        if (odd >= 0xf8 && right.length > 0) {
          right[tape.below(right.length)] ^= (byte) (1 << tape.next() % 8);
        } else if (odd >= 0xf0) {
          right = Arrays.copyOf(right, tape.below(right.length + 30));
        }
        out.writeBytes(right);
      }
    }
    byte[] bytes = out.toByteArray();
    int piece = tape.next() % 8 == 0 ? 1 + tape.below(50) : Math.max(1, bytes.length);
    for (int at = 0; at < bytes.length && lane.channel.isOpen(); at += piece) {
      lane.feed(Arrays.copyOfRange(bytes, at, Math.min(bytes.length, at + piece)));
    }
  }

  private static byte[] right(int opcode, long size, WireForm form, Tape tape) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    int status = tape.next() < 0xf0 ? 0 : tape.next() % 6;
    byte[] frame =
        ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putInt(status).put(MAGIC).array();
    int kind = opcode & 0x7f;
    if (kind == 0x62 || kind == 0x63) {
      byte[] hello =
          ByteBuffer.allocate(16)
              .order(ByteOrder.LITTLE_ENDIAN)
              .put(frame)
              .putLong(tape.next() == 0xff ? 1 : INCARNATION)
              .array();
      boolean sealed = kind == 0x63;
      out.writeBytes(sealed || status == 2 ? hello : frame);
      sum(out, hello, sealed);
      return out.toByteArray();
    }
    if (form.version2()) {
      out.writeBytes(frame);
      sum(out, frame, form.checked());
    }
    if ((kind & 1) == 0 && status == 0) {
      byte[] body = new byte[(int) size];
      Arrays.fill(body, (byte) tape.next());
      out.writeBytes(body);
      sum(out, body, form.checked());
    }
    return out.toByteArray();
  }

  private static final byte[] MAGIC = {'V', 'T', 'C', 'M'};

  private static void sum(ByteArrayOutputStream out, byte[] bytes, boolean checked) {
    if (checked) {
      CRC32C crc = new CRC32C();
      crc.update(bytes);
      out.writeBytes(
          ByteBuffer.allocate(4)
              .order(ByteOrder.LITTLE_ENDIAN)
              .putInt((int) crc.getValue())
              .array());
    }
  }

  /** Nothing but what was to be read may have changed. */
  private void requireMarks(List<FedLane.Work> all) {
    byte[] bytes = memory.toArray(ValueLayout.JAVA_BYTE);
    for (FedLane.Work work : all) {
      for (int i = 0; i < work.blocks.count(); i++) {
        if (work.task.operation() == Operation.READ) {
          int at = (int) (work.blocks.local(i) - memory.address());
          Arrays.fill(bytes, at, at + (int) work.blocks.length(i), MARK);
        }
      }
    }
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] != MARK) {
        throw new AssertionError("a byte beside the blocks was changed, at " + i);
      }
    }
  }

  @Override
  public void close() {
    arena.close();
  }
}
