// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.device.CopyList;
import io.transferengine.device.Device;
import io.transferengine.device.PinnedSlots;
import io.transferengine.logging.Anyway;
import io.transferengine.memory.Region;
import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerBuffers;
import io.transferengine.transport.RequestSink;
import io.transferengine.transport.SeveralRegions;
import io.transferengine.transport.TransferTask;
import io.transferengine.transport.TransferWork;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A task some of whose bytes lie in a device's memory on our side. It is done in rounds. Each has a
 * pinned slot, and moves as many of the task's bytes as fit into that, by a task of its own in
 * which the slot stands for the device's memory:
 *
 * <pre>
 * write   device --copy--> slot --inner task--> peer
 * read    peer --inner task--> slot --copy--> device
 * </pre>
 *
 * <p>The peer sees ordinary requests, and need not know. A request of the task is settled when its
 * round is over: of a read, when the bytes are on the device. Several rounds are under way at once,
 * so that copies and the network work at the same time. What lies in host memory is moved by the
 * inner task from where it is.
 *
 * <p>A round that fails fails the task, as a refused or broken request does. Its slot goes back
 * when neither the device nor the network touches it any more, in every case.
 *
 * <p>Thread-safe; nothing blocks.
 */
final class StagedTask implements TransferTask.Owner {
  private static final int FIRST_REQUESTS = 16;

  private static final Logger log = LoggerFactory.getLogger(StagedTask.class);

  // Made before memory runs out: what ends a round needs none.
  @SuppressWarnings("StaticAssignmentOfThrowable") // its text is all that is wanted of it
  private static final TransferException WORDLESS = LocalFaults.WORDLESS;

  /** Nobody is shown it. */
  @SuppressWarnings("StaticAssignmentOfThrowable") // its text is all that is wanted of it
  private static final TransferException OVER =
      new TransferException(ErrorCode.CANCELED, "The transfer has ended", "");

  /** Where slots come from. */
  interface Staging {
    /**
     * {@return how many rounds of a task may be under way} Half of the slots, so that one cannot
     * keep all from the others. To keep a link busy it takes what the lanes have in flight, and
     * what is being copied, handed over and told of meanwhile: as much again.
     */
    int roundsLimit();

    /** {@return a slot; 0 if there is none: then the task is pumped when there is} */
    long takeFor(StagedTask task);

    /** Takes a slot back. Throws nothing. */
    void giveBack(long slot);

    /**
     * {@return the device that has a range}
     *
     * @throws TransferException if it cannot be staged
     */
    Device device(Region region);
  }

  /** Where inner tasks go. */
  interface Way {
    /** Moves host memory. */
    void submit(TransferTask inner);
  }

  private final TransferTask task;
  private final PeerBuffers buffers;
  private final Staging staging;
  private final Way way;

  // Guarded by this.
  private final @Nullable Round[] rounds;
  private int started;

  /** Whether something of a round that is over may have had effect at the peer. */
  private volatile boolean reached;

  /**
   * @param buffers what the peer has published
   */
  StagedTask(TransferTask task, PeerBuffers buffers, Staging staging, Way way) {
    this.task = task;
    this.buffers = buffers;
    this.staging = staging;
    this.way = way;
    this.rounds = new @Nullable Round[staging.roundsLimit()];
  }

  /** Starts it. */
  void begin() {
    task.setOwner(this);
    pump();
  }

  /** Starts as many rounds as there is room and work for. What fails ends the task. */
  void pump() {
    boolean goesOn = true;
    while (goesOn && mayStart()) {
      Round round = roundWithSlot();
      if (round == null) {
        synchronized (this) {
          started--;
        }
        return;
      }
      goesOn = round.begin();
    }
  }

  private synchronized boolean mayStart() {
    if (started == rounds.length || !task.hasWork()) {
      return false;
    }
    started++;
    return true;
  }

  private @Nullable Round roundWithSlot() {
    long slot = 0;
    try {
      slot = staging.takeFor(this);
      return slot == 0 ? null : new Round(slot);
    } catch (Throwable t) {
      if (slot != 0) {
        staging.giveBack(slot);
      }
      endFor(t);
      return null;
    }
  }

  private void endFor(Throwable cause) {
    try {
      task.end(TransferState.FAILED, unexpected(cause), FailureCause.LOCAL);
    } catch (Throwable t) {
      // Its outcome is set. What is under way ends by itself.
      Anyway.failed(log, "Canceling what is under way", t);
    }
  }

  private static TransferException unexpected(Throwable t) {
    try {
      return t instanceof TransferException known
          ? known
          : new TransferException(
              ErrorCode.MEMORY, "Device memory could not be staged: " + t, "", t);
    } catch (Throwable again) {
      return WORDLESS;
    }
  }

  /** {@return a round that is under way, or null} */
  private synchronized @Nullable Round round(int index) {
    return rounds[index];
  }

  private boolean mayHaveHadEffect() {
    for (int i = 0; i < rounds.length; i++) {
      Round round = round(i);
      reached |= round != null && round.isStarted();
    }
    return reached;
  }

  private synchronized void add(Round round) {
    int free = 0;
    while (rounds[free] != null) {
      free++;
    }
    rounds[free] = round;
  }

  /** {@return whether it was under way} */
  @SuppressWarnings("ReferenceEquality") // rounds have no other
  private synchronized boolean remove(Round round) {
    for (int i = 0; i < rounds.length; i++) {
      if (rounds[i] == round) {
        rounds[i] = null;
        started--;
        return true;
      }
    }
    return false;
  }

  @Override
  public void cancelRequests(TransferTask ended) {
    for (int i = 0; i < rounds.length; i++) {
      Round round = round(i);
      if (round != null) {
        round.cancel();
      }
    }
  }

  @Override
  public void cutOff(TransferTask ended) {
    for (int i = 0; i < rounds.length; i++) {
      Round round = round(i);
      TransferTask inner = round == null ? null : round.inner;
      if (inner != null) {
        inner.cutOff();
      }
    }
  }

  /** Ranges of one device, one behind the other in the slot. */
  private record Part(Device device, long host, CopyList list) {}

  /** One slot's worth of the task. */
  private final class Round implements RequestSink<TransferTask>, TransferWork.Listener {
    private final long slot;
    private final List<Part> parts = new ArrayList<>(1);
    private long[] locals = new long[FIRST_REQUESTS];
    private long[] remotes = new long[FIRST_REQUESTS];
    private long[] lengths = new long[FIRST_REQUESTS];
    private int count;
    private long bytes;
    private int used;

    private final AtomicInteger copying = new AtomicInteger();
    private volatile @Nullable TransferException copyFailure;
    private volatile @Nullable TransferTask inner;

    Round(long slot) {
      this.slot = slot;
    }

    /** Everything from here on gives the slot back. {@return whether there was work for it} */
    boolean begin() {
      try {
        add(this);
        int claimed =
            task.claim(this, CopyList.RANGES_LIMIT, Long.MAX_VALUE, PinnedSlots.SLOT_BYTES);
        if (claimed == 0) {
          var _ = leave();
          return false;
        }
        if (task.operation() == Operation.WRITE && !parts.isEmpty()) {
          copy(true);
        } else {
          submit();
        }
        return true;
      } catch (Throwable t) {
        failUnlessInUse(t);
        return false;
      }
    }

    /** While its slot is in use, whoever uses it ends the round. */
    private void failUnlessInUse(Throwable cause) {
      if (copying.get() == 0 && inner == null) {
        fail(unexpected(cause), FailureCause.LOCAL);
      } else {
        Anyway.failed(log, "A step of a transfer of device memory", cause);
      }
    }

    @Override
    public long lengthLimit(TransferTask task, long local, long remote, long wanted) {
      // Never beyond the block: what is merged here would have to be taken apart here, too.
      return Math.min(PinnedSlots.SLOT_BYTES - used, wanted);
    }

    /** Nothing of it may ever be: then the transfer can be tried again. */
    @Override
    public boolean isSender() {
      return false;
    }

    @Override
    public boolean isFull() {
      return used == PinnedSlots.SLOT_BYTES;
    }

    @Override
    public void request(
        TransferTask of, int block, long local, long remote, long length, boolean unmerged) {
      if (count == locals.length) {
        long[] more = Arrays.copyOf(locals, 2 * count);
        long[] moreRemotes = Arrays.copyOf(remotes, 2 * count);
        lengths = Arrays.copyOf(lengths, 2 * count);
        locals = more;
        remotes = moreRemotes;
      }
      Region region = of.region(local);
      if (region.isTouchable()) {
        locals[count] = local;
      } else {
        partFor(staging.device(region)).list.add(local, length);
        locals[count] = slot + used;
        used += (int) length;
      }
      remotes[count] = remote;
      lengths[count] = length;
      bytes += length;
      count++;
    }

    private Part partFor(Device device) {
      if (parts.isEmpty() || parts.getLast().device != device) {
        parts.add(new Part(device, slot + used, new CopyList()));
      }
      return parts.getLast();
    }

    // ---- copies

    private void copy(boolean out) {
      copying.set(parts.size());
      int begun = 0;
      try {
        for (Part part : parts) {
          if (out) {
            part.device.copyOut(part.list, part.host, this::copied);
          } else {
            part.device.copyIn(part.list, part.host, this::copied);
          }
          begun++;
        }
      } catch (Throwable t) {
        // The copies that have begun still use the slot.
        copyFailure = unexpected(t);
        int left = parts.size() - begun;
        if (copying.addAndGet(-left) == 0) {
          copiesOver();
        }
      }
    }

    private void copied(@Nullable TransferException failure) {
      if (failure != null) {
        copyFailure = failure;
      }
      if (copying.decrementAndGet() == 0) {
        copiesOver();
      }
    }

    private void copiesOver() {
      TransferException failure = copyFailure;
      if (failure != null) {
        fail(failure, FailureCause.LOCAL);
      } else if (task.operation() == Operation.READ) {
        complete();
      } else {
        try {
          submit();
        } catch (Throwable t) {
          failUnlessInUse(t);
        }
      }
    }

    // ---- the network

    private void submit() {
      if (task.isEnding()) {
        fail(OVER, FailureCause.CANCELED);
        return;
      }
      BlockColumns blocks =
          BlockColumns.of(
              Arrays.copyOf(locals, count),
              Arrays.copyOf(remotes, count),
              Arrays.copyOf(lengths, count));
      TransferTask made =
          new TransferTask(task.operation(), blocks, SeveralRegions.none(), buffers, this);
      if (task.isMergeRefused()) {
        made.mergeNothing();
      }
      inner = made;
      try {
        way.submit(made);
      } catch (Throwable t) {
        made.end(TransferState.FAILED, unexpected(t), FailureCause.LOCAL);
        return;
      }
      if (task.isEnding()) {
        cancel();
      }
    }

    /** Throws nothing: the other rounds are canceled next. */
    void cancel() {
      TransferTask there = inner;
      try {
        if (there != null) {
          there.end(TransferState.CANCELED, OVER, FailureCause.CANCELED);
        }
      } catch (Throwable t) {
        Anyway.failed(log, "Canceling a part of a transfer", t);
      }
    }

    @Override
    public void taskEnded(
        TransferState state, @Nullable TransferException why, @Nullable FailureCause kind) {
      noteStart();
      if (state != TransferState.COMPLETED) {
        fail(why == null ? OVER : why, causeOf(kind));
      } else if (task.operation() == Operation.READ && !parts.isEmpty()) {
        copy(false);
      } else {
        complete();
      }
    }

    private void noteStart() {
      TransferTask there = inner;
      if (there != null && there.isStarted()) {
        reached = true;
        if (!task.isStarted()) {
          task.started(there.startedNanos());
        }
      }
    }

    boolean isStarted() {
      TransferTask there = inner;
      return there != null && there.isStarted();
    }

    /** A round may not have begun, and so be worth a second try; the task has only one. */
    private FailureCause causeOf(@Nullable FailureCause kind) {
      if (kind == null) {
        return FailureCause.OTHER;
      }
      return kind == FailureCause.STALE_DESCRIPTOR && mayHaveHadEffect()
          ? FailureCause.CONNECTION_LOST
          : kind;
    }

    // ---- the end

    private void complete() {
      if (leave()) {
        task.completed(count, bytes);
        pump();
      }
    }

    private void fail(TransferException why, FailureCause kind) {
      if (!leave()) {
        return;
      }
      // The last one ends the task.
      for (int i = 0; i < count; i++) {
        task.failed(why, kind);
      }
      if (count == 0) {
        task.end(TransferState.FAILED, why, kind);
      }
    }

    /** {@return whether it was not over yet} */
    private boolean leave() {
      if (!remove(this)) {
        return false;
      }
      staging.giveBack(slot);
      return true;
    }
  }
}
