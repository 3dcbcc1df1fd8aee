// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.memory.Region;
import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.RequestSink;
import io.transferengine.transport.TransferTask;
import io.transferengine.wire.BufferDescriptor;
import org.jspecify.annotations.Nullable;

/**
 * Requests of one task that were claimed together, in order, and which of them are settled. Those
 * that are left are always in a row: settled are some at the front, given back some at the end.
 * Reused; for one thread at a time.
 */
final class Claim implements RequestSink<TransferTask> {
  private final int most;
  private final int hostMost;
  private final long hostBytesMost;
  private final int[] block;
  private final long[] local;
  private final long[] remote;
  private final long[] length;
  private final boolean[] unmerged;
  private final long[] fence;
  private final @Nullable Region[] ours;

  /** Where each passes through, if they do. Made when it is first needed. */
  private long[] through = new long[0];

  private boolean passesThrough;
  private @Nullable Landing landing;

  private int count;
  private int first;

  /** Of all that were claimed. */
  private long bytes;

  // What the last request lay in. The next one is often there as well; to ask takes a lock. What is
  // the same is not written again: in an object as old as this, that costs more than to compare.
  private @Nullable BufferDescriptor lastBuffer;
  private @Nullable Region lastRegion;
  private boolean isHostThere = true;
  private boolean isFirstHostThere = true;

  /** Whether they are of this claim. */
  private boolean hasLast;

  // As long as all lie in the same, on either side, nothing is noted of that for each.
  private boolean alike;
  private long onlyFence;
  private long remoteLow;
  private long remoteHigh;

  /** Whether the last request is of another kind of memory than those before it. */
  private boolean isMixed;

  /** Brings bytes that were read to where they belong. */
  interface Landing {
    /** {@return why the first so many requests are not there; null if they are} */
    @Nullable TransferException land(int requests);
  }

  /**
   * Nothing yet.
   *
   * @param most requests
   */
  Claim(int most) {
    this(most, most, Long.MAX_VALUE);
  }

  /**
   * Nothing yet.
   *
   * @param most requests
   * @param hostMost of them, if one side of theirs is host memory
   * @param hostBytesMost of all requests, if one side of theirs is host memory
   */
  Claim(int most, int hostMost, long hostBytesMost) {
    this.most = most;
    this.hostMost = hostMost;
    this.hostBytesMost = hostBytesMost;
    block = new int[most];
    local = new long[most];
    remote = new long[most];
    length = new long[most];
    unmerged = new boolean[most];
    fence = new long[most];
    ours = new @Nullable Region[most];
  }

  // ---- claiming

  /** {@return how many requests it has taken, to be settled} */
  int take(TransferTask from, long mostBytes) {
    count = 0;
    first = 0;
    hasLast = false;
    isMixed = false;
    bytes = 0;
    passesThrough = false;
    landing = null;
    boolean isWhole = false;
    try {
      var _ = from.claim(this, most, mostBytes, mostBytes);
      isWhole = true;
    } catch (Throwable t) {
      if (count == 0) {
        throw t;
      }
      // Those before it are claimed; the next claim meets it again.
    }
    if (isMixed && isWhole) {
      giveBackLast(from);
    }
    isMixed = false;
    return count;
  }

  /**
   * All of a claim are copied in the same way: what is not goes back, and nothing comes after. And
   * what passes through a slot has to fit.
   */
  @Override
  public boolean isFull() {
    return isMixed || (hostBytesMost != Long.MAX_VALUE && isHostFull());
  }

  private boolean isHostFull() {
    Region last = lastRegion;
    boolean isOfHost = isHostThere || (last != null && last.kind().isHost());
    return isOfHost && (bytes >= hostBytesMost || count >= hostMost);
  }

  @SuppressWarnings("ReferenceEquality") // this one, of this descriptor
  private @Nullable BufferDescriptor buffer(TransferTask of, long there, long bytes) {
    BufferDescriptor last = lastBuffer;
    if (hasLast && last != null && last.covers(there, bytes)) {
      return last;
    }
    BufferDescriptor found = of.buffer(there).orElse(null);
    if (found != last) {
      lastBuffer = found;
    }
    boolean isHost = found == null || found.kind().isHost();
    isMixed |= count > 0 && isHost != isHostThere;
    isHostThere = isHost;
    return found;
  }

  /** A large registration may be published in pieces, which are one after another. */
  @Override
  public long lengthLimit(TransferTask from, long here, long there, long wanted) {
    long limit = limitByBuffers(from, there, wanted);
    long room = hostBytesMost - bytes;
    // However little is wanted: it may be merged with the blocks behind it.
    if (room > 0 && room < limit && (isHostThere || from.region(here).kind().isHost())) {
      return room;
    }
    return limit;
  }

  private long limitByBuffers(TransferTask from, long there, long wanted) {
    BufferDescriptor buffer = buffer(from, there, wanted);
    if (buffer == null || buffer.fence() == 0) {
      return Long.MAX_VALUE;
    }
    long end = buffer.address() + buffer.lengthBytes();
    if (end - there >= wanted) {
      return Long.MAX_VALUE;
    }
    BufferDescriptor next = from.buffer(end).orElse(null);
    return next != null && next.fence() == buffer.fence() ? end - there : Long.MAX_VALUE;
  }

  @Override
  public void request(
      TransferTask of, int firstBlock, long here, long there, long bytes, boolean single) {
    BufferDescriptor buffer = buffer(of, there, bytes);
    long entry = buffer != null && buffer.covers(there, bytes) ? buffer.fence() : 0;
    Region last = lastRegion;
    Region region = last;
    if (!hasLast || region == null || !region.covers(here, bytes)) {
      region = of.region(here);
      isMixed |= hasLast && last != null && !region.kind().equals(last.kind());
      if (region != last) {
        lastRegion = region;
      }
    }
    hasLast = true;
    block[count] = firstBlock;
    local[count] = here;
    remote[count] = there;
    length[count] = bytes;
    this.bytes += bytes;
    unmerged[count] = single;
    if (count == 0) {
      isFirstHostThere = isHostThere;
      alike = true;
      onlyFence = entry;
      remoteLow = there;
      remoteHigh = there + bytes;
    } else if (alike && (entry != onlyFence || region != last)) {
      alike = false;
      for (int i = 0; i < count; i++) {
        note(i, onlyFence, last);
      }
    }
    if (alike) {
      remoteLow = Math.min(remoteLow, there);
      remoteHigh = Math.max(remoteHigh, there + bytes);
    } else {
      note(count, entry, region);
    }
    count++;
  }

  private void note(int index, long entry, @Nullable Region region) {
    fence[index] = entry;
    if (ours[index] != region) {
      ours[index] = region;
    }
  }

  // ---- what they are

  /** {@return requests that were claimed, without those at the end that were given back} */
  int count() {
    return count;
  }

  /** {@return how many of them, from the first on, are settled} */
  int first() {
    return first;
  }

  /** {@return where a request is copied from or to here} */
  long local(int index) {
    return passesThrough ? through[index] : local[index];
  }

  /** {@return where a request begins here, be it copied through a slot or not} */
  long localOrigin(int index) {
    return local[index];
  }

  /**
   * From now on all of them are copied by way of a slot, one behind the other.
   *
   * @param room of the slot, bytes
   * @param then is called before requests are completed; null for nothing to do
   * @throws IllegalStateException if they do not fit
   */
  void passThrough(long slot, long room, @Nullable Landing then) {
    if (through.length == 0) {
      through = new long[most];
    }
    long at = slot;
    for (int i = 0; i < count; i++) {
      through[i] = at;
      at += length[i];
    }
    if (at - slot > room) {
      throw new IllegalStateException((at - slot) + " bytes for a slot of " + room);
    }
    passesThrough = true;
    landing = then;
  }

  /** {@return where it begins at the peer} */
  long remote(int index) {
    return remote[index];
  }

  /** {@return its length in bytes} */
  long length(int index) {
    return length[index];
  }

  /** {@return the number of the peer's entry for it; 0 for none} */
  long fence(int index) {
    return alike ? onlyFence : fence[index];
  }

  /** {@return whether the peer has registered the memory of a request, but has no entry for it} */
  boolean isWithoutEntry(TransferTask task, int index) {
    // A range that begins in memory with an entry, and has none, leaves that memory.
    return task.buffer(remote[index]).filter(each -> each.fence() == 0).isPresent();
  }

  /** {@return whether it lies in another registration of the peer than the one before it} */
  boolean isNextFence(int index) {
    return index == 0 || (!alike && fence[index] != fence[index - 1]);
  }

  /** {@return whether all lie in one registration of ours, and one of the peer's that is known} */
  boolean isAlike() {
    return count > 0 && alike && onlyFence != 0;
  }

  /** {@return where the first of them begins at the peer, if they are alike} */
  long remoteLow() {
    return remoteLow;
  }

  /** {@return how far it is from there to the end of the last, if they are alike} */
  long remoteBytes() {
    return remoteHigh - remoteLow;
  }

  /** {@return what is ours where it is managed memory, which is there and stays; else null} */
  @Nullable Region managed(int index) {
    Region region = region(index);
    return !passesThrough && region.owner() == Region.Owner.POOL ? region : null;
  }

  /** {@return what of ours it lies in} */
  Region region(int index) {
    Region region = alike ? lastRegion : ours[index];
    if (region == null) {
      throw new IllegalArgumentException("There is no request " + index);
    }
    return region;
  }

  /** {@return whether they lie in host memory of ours, as all or none do} */
  boolean isHost() {
    return region(0).kind().isHost();
  }

  /** {@return whether they lie in host memory of the peer, as all or none do} */
  boolean isHostThere() {
    return isFirstHostThere;
  }

  // ---- settling

  /** So many, from the first on, are done. */
  void completed(TransferTask task, int requests, long bytes) {
    Landing last = landing;
    TransferException why = last == null ? null : last.land(requests);
    if (why != null) {
      fail(task, requests - 1, why, FailureCause.LOCAL);
      return;
    }
    first = requests;
    task.completed(requests, bytes);
  }

  /**
   * The peer refuses one.
   *
   * @return whether the task goes on with the blocks that it was made of
   */
  boolean rejected(TransferTask task, int index, TransferException why) {
    while (count > index + 1) {
      giveBackLast(task);
    }
    boolean goesOn = task.rejected(block[index], local[index], length[index], unmerged[index], why);
    count--;
    giveBackAll(task);
    return goesOn;
  }

  /** One request fails, and the task with it; the others that are not settled go back. */
  void fail(TransferTask task, int index, TransferException why, FailureCause cause) {
    while (count > index + 1) {
      giveBackLast(task);
    }
    count--;
    task.failed(why, cause);
    giveBackAll(task);
  }

  /** Those that are not settled may be claimed again. */
  void giveBackAll(TransferTask task) {
    while (count > first) {
      giveBackLast(task);
    }
  }

  /** The last first, so that they keep their order. */
  private void giveBackLast(TransferTask task) {
    int last = count - 1;
    task.giveBack(block[last], local[last], length[last]);
    count = last;
  }
}
