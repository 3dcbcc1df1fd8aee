// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.memory.Region;
import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.RequestSink;
import io.transferengine.transport.TransferTask;
import io.transferengine.transport.Transport;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Takes tasks and leaves them, or completes them at once: what is left is what the engine above it
 * costs.
 */
final class IdleTransport implements Transport {
  /** Where the peer's memory is said to begin. */
  static final long REMOTE = 1L << 41;

  private static final long REMOTE_BYTES = 1L << 40;

  private final TransferException cutOff =
      new TransferException(ErrorCode.SOCKET, "The benchmark ends its transfers", "");
  private final RequestSink<TransferTask> taken = new Taken();
  private final boolean completesAtOnce;
  private @Nullable TransferTask last;

  /** Takes what it is given, of any length. */
  private static final class Taken implements RequestSink<TransferTask> {
    @Override
    public void request(
        TransferTask task, int block, long local, long remote, long length, boolean unmerged) {}
  }

  /**
   * @param completesAtOnce on the thread that submits, as if all bytes were there
   */
  IdleTransport(boolean completesAtOnce) {
    this.completesAtOnce = completesAtOnce;
  }

  /** Ends the task that was submitted last, as a cancel does. */
  void endLast() {
    TransferTask task = last;
    if (task == null) {
      throw new IllegalStateException("No task has arrived");
    }
    task.end(TransferState.CANCELED, cutOff, FailureCause.CANCELED);
  }

  @Override
  public void submit(PeerAddress peer, TransferTask task) {
    if (completesAtOnce) {
      int requests = task.claim(taken, Integer.MAX_VALUE, Long.MAX_VALUE, Long.MAX_VALUE);
      task.completed(requests, task.totalBytes());
    } else {
      last = task;
    }
  }

  @Override
  public void describe(SegmentDescriptor.Builder descriptor, List<Region> regions) {
    descriptor.buffers(List.of(new BufferDescriptor("peer", REMOTE, REMOTE_BYTES)));
  }

  @Override
  public String name() {
    return SegmentDescriptor.TCP;
  }

  @Override
  public boolean reaches(SegmentDescriptor peer) {
    return true;
  }

  @Override
  public CompletableFuture<Void> drainInbound(long start, long end, Duration grace) {
    return CompletableFuture.completedFuture(null);
  }

  @Override
  public void start() {}

  @Override
  public void warmUp(PeerAddress peer) {}

  @Override
  public void stop(Duration timeout) {}
}
