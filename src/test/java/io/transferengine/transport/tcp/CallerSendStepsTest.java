// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static io.transferengine.testkit.Schedules.require;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.FailureCause;
import io.transferengine.testkit.Steps;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.TransferTask;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Callers send on a lane's connection while its event loop reads, sends, cancels and closes, in
 * every order of the steps of {@link CallerSend} with a few interruptions. What both send lies on
 * one wire, whose frames a target answers when they are whole.
 */
@Timeout(300)
class CallerSendStepsTest {
  private static final int BYTES = 64;
  private static final long REMOTE = 0x1000;
  private static final int HERE = 3;

  /** The kernel, as far as callers know it. */
  private static final class Wire implements CallerSend.Socket {
    final ByteArrayOutputStream sent = new ByteArrayOutputStream();
    int room = Integer.MAX_VALUE;
    boolean shut;
    int closes;

    @Override
    public long send(long address, long bytes) {
      require(closes == 0, "something is sent on a closed descriptor");
      if (shut || room == 0) {
        return -1;
      }
      int taken = (int) Math.min(bytes, room);
      byte[] copy = new byte[taken];
      MemoryWindow.copy(address, copy, 0, taken);
      sent.writeBytes(copy);
      return taken;
    }

    @Override
    public void shutdown() {
      require(closes == 0, "a closed descriptor is shut down");
      shut = true;
    }

    @Override
    public void close() {
      closes++;
    }
  }

  /** A lane whose connection is idle, and may be sent on by callers. */
  private abstract static class Idle extends Steps.Scene {
    final Object lock = new Object();
    final MemorySegment memory = Arena.ofAuto().allocate(4 * BYTES);
    final FedLane lane = new FedLane(new WireForm(true, true, false, OptionalLong.empty()));
    final Wire wire = new Wire();
    final List<FedLane.Work> works = new ArrayList<>();
    private final List<TransferTask> late = new ArrayList<>();
    private boolean woken;
    private int answered;

    Idle(int threads) {
      super(threads);
      // Or else they would be made in the first order only.
      require(CallerTurn.Then.values().length * CallerTurn.End.values().length > 0, "made");
      lane.letCallersSend(wire);
      FedLane.Work first = work(Operation.READ, 0);
      lane.submit(first);
      woken = true;
      loop();
      require(first.ends.equals(List.of(TransferState.COMPLETED)), "the first has ended");
      require(lane.callers() != null, "callers may send");
      works.clear();
    }

    @Override
    protected final Object lock() {
      return lock;
    }

    final FedLane.Work work(Operation operation, int index) {
      FedLane.Work made =
          new FedLane.Work(
              operation,
              BlockColumns.of(
                  memory.address() + (long) index * BYTES, REMOTE + (long) index * BYTES, BYTES));
      works.add(made);
      return made;
    }

    /** As {@link TcpPeer#submit} does. */
    final void submit(FedLane.Work work) {
      lane.submit(work);
      Objects.requireNonNull(lane.callers()).send(work.task);
      if (work.task.isEnding() && !work.task.isQuiet()) {
        late.add(work.task);
      }
      if (work.task.hasWork()) {
        woken = true;
      }
    }

    /** What a caller does who does not send. */
    final void handOver(FedLane.Work work) {
      lane.submit(work);
      woken = true;
    }

    /** One round of the event loop: {@return whether there was something to do} */
    final boolean loop() {
      boolean did = false;
      boolean asked = lane.takeWakeUp();
      if (asked || woken) {
        woken = false;
        wire.sent.writeBytes(lane.requests());
        did = true;
      }
      for (TransferTask task : List.copyOf(late)) {
        late.remove(task);
        lane.connection.orphan(task);
        did = true;
      }
      byte[] answers = answers();
      if (answers.length > 0) {
        lane.feed(answers);
        wire.sent.writeBytes(lane.channel.written());
        did = true;
      }
      return did;
    }

    /** To all frames that are whole by now. */
    private byte[] answers() {
      ByteBuffer all = ByteBuffer.wrap(wire.sent.toByteArray()).order(ByteOrder.LITTLE_ENDIAN);
      all.position(answered);
      ByteArrayOutputStream answers = new ByteArrayOutputStream();
      while (all.remaining() >= Frames.HEADER_BYTES) {
        long size = all.getLong(all.position());
        int opcode = all.get(all.position() + 16) & 0x7f;
        require(size == BYTES && opcode <= 1, "no frame is torn: " + size + ", " + opcode);
        boolean write = opcode == Frames.OPCODE_WRITE;
        int length = Frames.HEADER_BYTES + (write ? BYTES : 0);
        if (all.remaining() < length) {
          break;
        }
        all.position(all.position() + length);
        answers.writeBytes(Frames.status(Frames.STATUS_OK).array());
        if (!write) {
          byte[] body = new byte[BYTES];
          Arrays.fill(body, (byte) HERE);
          answers.writeBytes(body);
        }
      }
      answered = all.position();
      return answers.toByteArray();
    }

    /** Nobody wakes the loop any more: all that was to be done is done. */
    final void drain() {
      int rounds = 0;
      while (loop()) {
        require(rounds++ < 20, "the loop comes to rest");
      }
      require(answered == wire.sent.size(), "every frame is whole");
    }

    final void requireAllCompleted() {
      drain();
      for (FedLane.Work work : works) {
        require(work.ends.equals(List.of(TransferState.COMPLETED)), "ends: " + work.ends);
      }
      require(lane.connection.toString().contains("0 frames, 0 bytes out"), "" + lane.connection);
      close();
    }

    final void close() {
      lane.close();
      require(wire.closes == 1, "the descriptor was closed " + wire.closes + " times");
    }
  }

  /** The answer may come before the caller is back from the kernel. */
  static final class Answered extends Idle {
    private final FedLane.Work write = work(Operation.WRITE, 1);
    private final FedLane.Work read = work(Operation.READ, 2);

    Answered() {
      super(2);
    }

    @Override
    protected void first() {
      submit(write);
      submit(read);
    }

    @Override
    protected void second() {
      for (int i = 0; i < 4; i++) {
        loop();
      }
    }

    @Override
    protected void check() {
      requireAllCompleted();
      require(memory.get(ValueLayout.JAVA_BYTE, 2 * BYTES) == HERE, "it is read");
    }
  }

  /** Two callers and the loop want to send. */
  static final class Contended extends Idle {
    private final FedLane.Work one = work(Operation.WRITE, 1);
    private final FedLane.Work two = work(Operation.WRITE, 2);
    private final FedLane.Work three = work(Operation.READ, 3);

    Contended() {
      super(3);
    }

    @Override
    protected void first() {
      submit(one);
    }

    @Override
    protected void second() {
      submit(two);
    }

    @Override
    protected void third() {
      handOver(three);
      loop();
      loop();
    }

    @Override
    protected void check() {
      requireAllCompleted();
    }
  }

  /** The kernel takes a part, or nothing: the loop sends the rest, in front of all else. */
  static class Partial extends Idle {
    private final FedLane.Work write = work(Operation.WRITE, 1);
    private final FedLane.Work next = work(Operation.WRITE, 2);

    Partial() {
      this(10);
    }

    Partial(int room) {
      super(2);
      wire.room = room;
    }

    @Override
    protected void first() {
      submit(write);
    }

    @Override
    protected void second() {
      handOver(next);
      loop();
      loop();
    }

    @Override
    protected void check() {
      requireAllCompleted();
    }
  }

  /** As above, when it takes nothing. */
  static final class Full extends Partial {
    Full() {
      super(0);
    }
  }

  /** The transfer is canceled; whatever the caller does meanwhile, its end is told once. */
  static final class Canceled extends Idle {
    private final FedLane.Work write = work(Operation.WRITE, 1);

    Canceled() {
      super(2);
    }

    @Override
    protected void first() {
      submit(write);
    }

    @Override
    protected void second() {
      write.task.end(
          TransferState.CANCELED,
          new TransferException(ErrorCode.CANCELED, "by the test", ""),
          FailureCause.CANCELED);
      boolean _ = lane.connection.orphan(write.task);
      loop();
    }

    @Override
    protected void check() {
      drain();
      require(write.ends.size() == 1 && write.task.isQuiet(), "ends: " + write.ends);
      require(lane.connection.toString().contains("0 frames, 0 bytes out"), "" + lane.connection);
      close();
    }
  }

  /** The connection ends: what was not sent goes back, what may have been fails. */
  static final class Ended extends Idle {
    private final FedLane.Work write = work(Operation.WRITE, 1);
    private int before;
    private int after;

    Ended() {
      super(2);
    }

    @Override
    protected void first() {
      before = wire.sent.size();
      submit(write);
    }

    @Override
    protected void second() {
      lane.connection.end(ConnectionEnd.Reason.ABORTED, "by the test", null);
      lane.channel.runPendingTasks();
      after = wire.sent.size();
    }

    @Override
    protected void check() {
      require(wire.sent.size() == Math.max(after, before), "nothing is sent behind the end");
      boolean sent = wire.sent.size() > before;
      require(!sent || !write.task.hasWork(), "what was sent is not sent again");
      require(write.task.hasWork() || write.ends.size() == 1, "ends: " + write.ends);
      require(write.task.isQuiet(), "it is settled");
      require(lane.isToldOfTheEnd(), "the lane knows");
      close();
    }
  }

  private static void explore(int interruptions, Class<? extends Steps.Scene> scene) {
    int orders = Steps.explore(interruptions, scene, CallerSend.class, CallerTurn.class);
    System.out.println(scene.getSimpleName() + ": " + orders + " orders");
    assertThat(orders).isGreaterThan(20);
  }

  @Test
  void answersMayComeBeforeTheCallerIsBack() {
    explore(2, Answered.class);
  }

  @Test
  void callersAndTheLoopTakeTurns() {
    explore(1, Contended.class);
  }

  @Test
  void whatTheKernelDoesNotTakeTheLoopSends() {
    explore(2, Partial.class);
    explore(2, Full.class);
  }

  @Test
  void aCanceledTransferIsSettledOnce() {
    explore(2, Canceled.class);
  }

  @Test
  void nothingIsSentBehindTheEndOfAConnection() {
    explore(2, Ended.class);
  }
}
