// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import io.transferengine.memory.Region;
import io.transferengine.memory.UsedRanges;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * The part of a batch that nobody has claimed: pieces that came back, first of all, and what lies
 * behind a cursor that walks the blocks. Cuts the next request off it.
 *
 * <p>Neighbours that are adjacent on both sides go out as one request. If a sink can send several
 * ranges of ours in one request, so do neighbours that are adjacent only at the peer:
 *
 * <pre>
 *   ours        [ 0 ]      [ 2 ][ 3 ]     [ 1 ]       one request: the ranges 0, 1, and 2 with 3
 *   the peer's  [ 0 ][ 1 ][ 2 ][ 3 ]
 * </pre>
 *
 * <p>Which ranges a request has follows from its first block, where in that it begins, and its
 * length. So nobody has to note them.
 *
 * <p>A part of a {@link TransferTask}, which calls the methods with its lock held, and not an
 * object of its own: nothing more is made for a transfer. When a method throws, it has changed
 * nothing.
 */
abstract class UnclaimedBlocks extends TransferEnds {
  /** A range that begins in a block, at an offset in it. */
  private record Piece(int block, long offset, long length) {}

  /** Shared, so nothing is added to it: nearly every task gets nothing back. */
  private static final ArrayDeque<Piece> NOTHING = new ArrayDeque<>(1);

  private ArrayDeque<Piece> returned = NOTHING;
  private int cursorBlock;
  private long cursorOffset;

  /** All of a batch, at a moment. */
  UnclaimedBlocks(
      Operation operation,
      BlockColumns blocks,
      UsedRanges<Region> ours,
      PeerBuffers peer,
      Listener listener,
      long nowNanos) {
    super(operation, blocks, ours, peer, listener, nowNanos);
  }

  /** {@return whether there is something to claim} */
  final boolean isAnythingLeft() {
    return cursorBlock < blocks.count() || !returned.isEmpty();
  }

  /**
   * Hands the next request out.
   *
   * @param rangesMax {@link RequestSink#rangesMax}
   * @param mostBytes it is no larger
   * @param mergeNothing whether it may not go on in another block
   * @return its length in bytes; 0 if there is nothing
   */
  final <T> long claimNext(
      T task, RequestSink<T> sink, int rangesMax, long mostBytes, boolean mergeNothing) {
    Piece piece = returned.peekFirst();
    if (piece != null) {
      return walk(
          task,
          sink,
          rangesMax,
          piece.block,
          piece.offset,
          piece.length,
          Math.min(mostBytes, piece.length),
          mergeNothing,
          piece);
    }
    if (cursorBlock == blocks.count()) {
      return 0;
    }
    long left = blocks.length(cursorBlock) - cursorOffset;
    return walk(
        task, sink, rangesMax, cursorBlock, cursorOffset, left, mostBytes, mergeNothing, null);
  }

  private <T> long walk(
      T task,
      RequestSink<T> sink,
      int rangesMax,
      int first,
      long firstOffset,
      long wanted,
      long mostBytes,
      boolean mergeNothing,
      @Nullable Piece piece) {
    int block = first;
    long offset = firstOffset;
    long local = blocks.local(block) + offset;
    long remote = blocks.remote(block) + offset;
    long most = Math.min(mostBytes, sink.lengthLimit(task, local, remote, wanted));
    int ranges = 1;
    // Of the present range: where a byte of the request lies in it, and which byte it may not have.
    long shift = local;
    long stop = rangesMax == 1 ? most : Math.min(most, sink.rangeLimit(task, local));
    long registrationEnd = 0;
    long bufferEnd = 0;
    long length = 0;
    while (true) {
      long left = blocks.length(block) - offset;
      long taken = Math.min(left, stop - length);
      length += taken;
      if (taken < left) {
        offset += taken;
        break;
      }
      block++;
      offset = 0;
      if (block == blocks.count()
          || length == most
          || blocks.remote(block) != remote + length
          || mergeNothing) {
        break;
      }
      long start = blocks.local(block);
      boolean joins = start == shift + length && length < stop;
      if (!joins && ranges == rangesMax) {
        break;
      }
      if (bufferEnd == 0) {
        // Only now: blocks that have no neighbour pay for no look-up.
        registrationEnd = endHere(local);
        bufferEnd = endAtPeer(remote);
      }
      long next = blocks.length(block);
      if (remote + length + next > bufferEnd) {
        break;
      }
      if (!joins || start + next > registrationEnd) {
        registrationEnd = endHere(start);
        if (ranges == rangesMax || start + next > registrationEnd) {
          break;
        }
        ranges++;
        shift = start - length;
        stop = length + Math.min(most - length, sink.rangeLimit(task, start));
      }
    }
    // What takes memory comes before the request is the sink's.
    Piece rest =
        piece != null && length < piece.length
            ? new Piece(block, offset, piece.length - length)
            : null;
    if (ranges > 1) {
      sink.scattered(task, first, local, remote, length);
    } else {
      // Buffers are only looked up once a neighbour was adjacent: then it may be merged.
      sink.request(task, first, local, remote, length, bufferEnd == 0);
    }
    if (piece == null) {
      cursorBlock = block;
      cursorOffset = offset;
    } else {
      returned.removeFirst();
      if (rest != null) {
        returned.addFirst(rest);
      }
    }
    return length;
  }

  /** Puts a request back in front of all else. */
  final void putBack(int block, long local, long length) {
    if (returned.isEmpty()) {
      returned = new ArrayDeque<>(1);
    }
    Queues.addFirst(returned, new Piece(block, local - blocks.local(block), length));
  }

  /**
   * Puts a request back in front of all else, cut at the ends of its blocks.
   *
   * @return how many pieces that makes
   */
  final int putBackCut(int firstBlock, long local, long length) {
    ArrayDeque<Piece> all = new ArrayDeque<>();
    int block = firstBlock;
    long offset = local - blocks.local(block);
    for (long left = length; left > 0; block++) {
      long taken = Math.min(blocks.length(block) - offset, left);
      all.addLast(new Piece(block, offset, taken));
      left -= taken;
      offset = 0;
    }
    int pieces = all.size();
    all.addAll(returned);
    // Only now: had there been no memory for one of these, nothing would have changed.
    returned = all;
    return pieces;
  }

  /** Forgets what came back, since nothing will be claimed any more. */
  final void dropReturned() {
    returned = NOTHING;
  }

  /** {@return how far it is, for a text} */
  final String describeUnclaimed() {
    return "block %d of %d, %d returned".formatted(cursorBlock, blocks.count(), returned.size());
  }
}
