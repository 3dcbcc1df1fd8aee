// SPDX-License-Identifier: Apache-2.0
package example.jlama;

import io.transferengine.Segment;
import io.transferengine.Transfer;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Writes the keys and values of each layer to the node that decodes, as soon as they are there.
 * That does not block: while they move, Jlama computes the next layer.
 */
final class HandOver implements Llm.LayerListener {
  private final Segment peer;
  private final KvPages pages;
  private final long[] remote;
  private final List<Moved> moves = new ArrayList<>();

  /** A transfer, when it began, and when it had ended. */
  private record Moved(Transfer transfer, long beginNanos, CompletableFuture<Long> endNanos) {}

  /**
   * What came of it.
   *
   * @param transfers their number
   * @param bytes of all of them
   * @param busyNanos how long at least one was under way
   * @param hiddenNanos how much of that time Jlama was still computing
   * @param tailNanos from the end of the computation until everything had arrived
   */
  record Outcome(int transfers, long bytes, long busyNanos, long hiddenNanos, long tailNanos) {}

  /** Takes the addresses of the peer's parts. */
  HandOver(Segment peer, KvPages pages, long[] remote) {
    this.peer = peer;
    this.pages = pages;
    this.remote = remote;
  }

  @Override
  public void layerDone(int layer, int from, int to) {
    BlockColumns blocks = pages.blocks(layer, from, to, remote);
    long begin = System.nanoTime();
    Transfer transfer = peer.submit(Operation.WRITE, blocks);
    moves.add(
        new Moved(
            transfer, begin, transfer.toCompletableFuture().thenApply(done -> System.nanoTime())));
  }

  /**
   * Waits until everything has arrived.
   *
   * @param computedNanos when the computation had ended
   */
  Outcome finish(long computedNanos) {
    long bytes = 0;
    long busy = 0;
    long hidden = 0;
    long covered = Long.MIN_VALUE;
    for (Moved moved : moves) {
      // Throws if the transfer failed.
      long end = moved.endNanos.join();
      bytes += moved.transfer.transferredBytes();
      // They began one after another; what they have in common counts once.
      long begin = Math.max(moved.beginNanos, covered);
      if (end > begin) {
        busy += end - begin;
        hidden += Math.max(0, Math.min(end, computedNanos) - begin);
        covered = end;
      }
    }
    return new Outcome(moves.size(), bytes, busy, hidden, Math.max(0, covered - computedNanos));
  }
}
