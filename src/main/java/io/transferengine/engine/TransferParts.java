// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.config.TransportPolicy;
import io.transferengine.events.TransferReport;
import io.transferengine.memory.MemoryKind;
import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.TransferTask;
import io.transferengine.transport.TransferWork;
import io.transferengine.transport.Transport;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiPredicate;
import org.jspecify.annotations.Nullable;

/**
 * The work on a batch that no single transport moves: a task for each transport, with those blocks
 * that it is the best for.
 *
 * <p><b>The end.</b> The first part that fails decides how all end: the others are ended too. Only
 * when the last part has ended is the listener told, once. A part that met an old descriptor is
 * different while the transfer may be repeated: the others go on, and the blocks of that part alone
 * are moved again. So what a part has sent never arrives behind the same bytes sent by another
 * transport.
 *
 * <p>Thread-safe. Neither parts nor the listener are called with the lock held, save for questions
 * to parts.
 */
final class TransferParts implements TransferWork {
  private final List<Part> parts = new ArrayList<>();
  private final Listener listener;
  private final boolean mayBeRepeated;

  // Below: guarded by this.
  private int running;
  private boolean decided;
  private TransferState outcome = TransferState.COMPLETED;
  private @Nullable TransferException failure;
  private @Nullable FailureCause cause;

  /** The blocks of one transport. */
  private final class Part implements Listener {
    private final Transport transport;
    private final BlockColumns blocks;
    private final TransferTask task;

    // Guarded by the parts.
    private boolean over;
    private boolean completed;

    Part(Transport transport, TransferTask whole, BlockColumns blocks) {
      this.transport = transport;
      this.blocks = blocks;
      this.task = whole.part(blocks, this);
    }

    @Override
    public void taskEnded(
        TransferState state, @Nullable TransferException why, @Nullable FailureCause kind) {
      partEnded(this, state, why, kind);
    }
  }

  /**
   * Parts of which nothing is submitted yet.
   *
   * @param whole of which each block is moved by one of the peer's transports; nobody works on it
   * @param mayBeRepeated whether the listener repeats what an old descriptor has kept from moving
   */
  TransferParts(TransferTask whole, RemoteSegment peer, boolean mayBeRepeated, Listener listener) {
    this.listener = listener;
    this.mayBeRepeated = mayBeRepeated;
    List<BiPredicate<MemoryKind, MemoryKind>> moves = new ArrayList<>();
    for (Transport each : peer.transports()) {
      moves.add(each::moves);
    }
    BlockColumns blocks = whole.blocksToRepeat();
    int[] chosen = whole.firstThatMoves(moves);
    for (int i = 0; i < moves.size(); i++) {
      BlockColumns own = select(blocks, chosen, i);
      if (own.count() > 0) {
        Part part = new Part(peer.transports().get(i), whole, own);
        if (peer.takesBlocksOnly().get()) {
          part.task.mergeNothing();
        }
        parts.add(part);
      }
    }
    long bytes = parts.stream().mapToLong(each -> each.blocks.totalBytes()).sum();
    if (bytes != blocks.totalBytes()) {
      throw new IllegalStateException("A transport has changed its mind about what it moves");
    }
    running = parts.size();
  }

  private static BlockColumns select(BlockColumns blocks, int[] chosen, int wanted) {
    int count = 0;
    for (int each : chosen) {
      count += each == wanted ? 1 : 0;
    }
    long[] local = new long[count];
    long[] remote = new long[count];
    long[] length = new long[count];
    int next = 0;
    for (int i = 0; i < chosen.length; i++) {
      if (chosen[i] == wanted) {
        local[next] = blocks.local(i);
        remote[next] = blocks.remote(i);
        length[next] = blocks.length(i);
        next++;
      }
    }
    return BlockColumns.of(local, remote, length);
  }

  /** Gives each part to its transport. If that throws, {@link #end} ends what was begun. */
  void submit(PeerAddress peer) {
    for (Part each : parts) {
      // An earlier part may have failed in its submission already.
      if (!each.task.isEnding()) {
        each.task.givenTo(each.transport.name());
        each.transport.submit(peer, each.task);
      }
    }
  }

  private void partEnded(
      Part part,
      TransferState state,
      @Nullable TransferException why,
      @Nullable FailureCause kind) {
    boolean last;
    boolean endsOthers = false;
    synchronized (this) {
      part.over = true;
      part.completed = state == TransferState.COMPLETED;
      if (!part.completed && !decided) {
        outcome = state;
        failure = why;
        cause = kind;
        decided = !(mayBeRepeated && kind == FailureCause.STALE_DESCRIPTOR);
        endsOthers = decided;
      }
      running--;
      last = running == 0;
    }
    if (last) {
      // Nothing changes any more.
      listener.taskEnded(outcome, failure, cause);
    } else if (endsOthers && why != null && kind != null) {
      endFrom(0, true, state, why, kind);
    }
  }

  @Override
  public void end(TransferState state, TransferException why, FailureCause kind) {
    endFrom(0, false, state, why, kind);
  }

  /** Whatever one of them throws, those behind it are ended. */
  private void endFrom(
      int index,
      boolean onlyOthers,
      TransferState state,
      TransferException why,
      FailureCause kind) {
    if (index < parts.size()) {
      try {
        TransferTask task = parts.get(index).task;
        if (!onlyOthers || !task.isEnding()) {
          task.end(state, why, kind);
        }
      } finally {
        endFrom(index + 1, onlyOthers, state, why, kind);
      }
    }
  }

  // ---- the last resort

  /**
   * A part that has ended is asked only if all have: then it is the listener that is waited for.
   */
  @Override
  public synchronized boolean isEndingSince(long nanos) {
    for (Part each : parts) {
      if ((!each.over || running == 0) && each.task.isEndingSince(nanos)) {
        return true;
      }
    }
    return false;
  }

  /** Parts that are well go on: they are ended as soon as the one that failed has ended. */
  @Override
  public void cutOff() {
    cutOffFrom(0);
  }

  private void cutOffFrom(int index) {
    if (index < parts.size()) {
      try {
        TransferTask task = parts.get(index).task;
        if (task.isEnding()) {
          task.cutOff();
        }
      } finally {
        cutOffFrom(index + 1);
      }
    }
  }

  // ---- questions

  @Override
  public boolean isStarted() {
    for (Part each : parts) {
      if (each.task.isStarted()) {
        return true;
      }
    }
    return false;
  }

  @Override
  public long startedNanos() {
    long oldest = System.nanoTime();
    for (Part each : parts) {
      long started = each.task.startedNanos();
      oldest = started != 0 && started - oldest < 0 ? started : oldest;
    }
    return oldest;
  }

  @Override
  public String transport() {
    return TransferReport.SEVERAL;
  }

  @Override
  public int requests() {
    int sum = 0;
    for (Part each : parts) {
      sum += each.task.requests();
    }
    return sum;
  }

  @Override
  public int requestsAgain() {
    int sum = 0;
    for (Part each : parts) {
      sum += each.task.requestsAgain();
    }
    return sum;
  }

  @Override
  public int lanes() {
    int sum = 0;
    for (Part each : parts) {
      sum += each.task.lanes();
    }
    return sum;
  }

  @Override
  public long completedBytes() {
    long sum = 0;
    for (Part each : parts) {
      sum += each.task.completedBytes();
    }
    return sum;
  }

  @Override
  public long progressNanos() {
    long newest = parts.getFirst().task.progressNanos();
    for (Part each : parts) {
      long progress = each.task.progressNanos();
      newest = progress - newest > 0 ? progress : newest;
    }
    return newest;
  }

  @Override
  public boolean isMergeRefused() {
    for (Part each : parts) {
      if (each.task.isMergeRefused()) {
        return true;
      }
    }
    return false;
  }

  @Override
  public synchronized BlockColumns blocksToRepeat() {
    List<BlockColumns> left = new ArrayList<>();
    for (Part each : parts) {
      if (!each.completed) {
        left.add(each.blocks);
      }
    }
    return BlockColumns.concat(left);
  }

  @Override
  public String describe() {
    StringBuilder all = new StringBuilder();
    for (Part each : parts) {
      all.append(all.isEmpty() ? "" : "; ")
          .append(TransportPolicy.shown(each.transport.name()))
          .append(": ")
          .append(each.task.describe());
    }
    return all.toString();
  }
}
