// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import io.transferengine.access.AccessRights;
import io.transferengine.memory.MemoryKind;
import io.transferengine.memory.Region;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.wire.BufferDescriptor;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BiPredicate;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What a transfer moves bytes between: registrations of ours, and buffers that the peer published.
 *
 * <p>A look-up remembers its last answer, since the blocks of a batch tend to stay in one range. So
 * this is not thread-safe; it belongs to one {@link TransferTask}, which looks under its lock.
 */
public final class TransferEnds {

  /**
   * The buffers of a peer, in the form that look-ups need. Immutable, and shared by all transfers
   * to the peer.
   */
  public static final class Buffers {
    private final long[] starts;
    private final long[] ends;
    private final List<BufferDescriptor> sorted;

    /** What memory each is; nothing where all is host memory, as nearly always. */
    private final List<MemoryKind> kinds;

    /** Whether peers may read and write all of them, as nearly always. */
    private final boolean open;

    /** Whether all have keys for network cards. */
    private final boolean keyed;

    /** Whether all have entries of {@code te_local}, by which they are copied on one machine. */
    private final boolean fenced;

    /** Buffers in any order. */
    public Buffers(List<BufferDescriptor> buffers) {
      sorted =
          buffers.stream().sorted(Comparator.comparingLong(BufferDescriptor::address)).toList();
      starts = sorted.stream().mapToLong(BufferDescriptor::address).toArray();
      ends = sorted.stream().mapToLong(each -> each.address() + each.lengthBytes()).toArray();
      boolean hostOnly = sorted.stream().allMatch(each -> each.kind().isHost());
      kinds = hostOnly ? List.of() : sorted.stream().map(BufferDescriptor::kind).toList();
      open = sorted.stream().allMatch(each -> each.rights() == AccessRights.READ_WRITE);
      keyed = sorted.stream().noneMatch(TransferEnds::hasNoKeys);
      fenced = sorted.stream().noneMatch(TransferEnds::hasNoFence);
    }

    /** Host memory, of which nothing but the ranges is known. */
    private Buffers(SeamFinder ranges) {
      starts = ranges.starts;
      ends = ranges.ends;
      sorted = List.of();
      kinds = List.of();
      open = keyed = fenced = true;
    }
  }

  private static final Region[] NO_REGIONS = {};
  private static final SeamFinder NO_SEAMS = new SeamFinder(new long[0], new long[0]);

  /** Ours, if it is one: no look-up, and nothing made for it. */
  private final @Nullable Region only;

  /** Ours, if they are several, and where each lies. */
  private final Region[] regions;

  private final SeamFinder local;
  private final Buffers peer;

  /** Of the peer's buffers, which was found last. */
  private int lastAtPeer;

  /** The ends of one transfer: the region that the blocks lie in, and all buffers of the peer. */
  public TransferEnds(Region only, Buffers peer) {
    this.only = only;
    this.regions = NO_REGIONS;
    this.local = NO_SEAMS;
    this.peer = peer;
  }

  /**
   * The ends of one transfer.
   *
   * @param regions those that the blocks lie in, by ascending address; not to be changed any more
   * @param peer all buffers of the peer
   */
  public TransferEnds(Region[] regions, Buffers peer) {
    this.only = null;
    this.regions = regions;
    this.local = seams(regions);
    this.peer = peer;
  }

  /** Ends in host memory, of which nothing but the ranges is known. */
  TransferEnds(SeamFinder local, SeamFinder remote) {
    this.only = null;
    this.regions = NO_REGIONS;
    this.local = local;
    this.peer = new Buffers(remote);
  }

  private static SeamFinder seams(Region[] regions) {
    long[] starts = new long[regions.length];
    long[] ends = new long[regions.length];
    for (int i = 0; i < regions.length; i++) {
      starts[i] = regions[i].address();
      ends[i] = regions[i].end();
    }
    return new SeamFinder(starts, ends);
  }

  /** {@return the end of our registration that an address lies in, 0 if it lies in none} */
  long endOfLocal(long address) {
    if (only == null) {
      return local.endOfRange(address);
    }
    return only.covers(address, 1) ? only.end() : 0;
  }

  /**
   * {@return the first of these blocks that is not wholly inside one of the peer's buffers; or -1}
   */
  int firstOutsideRemote(BlockColumns blocks) {
    for (int i = 0; i < blocks.count(); i++) {
      if (blocks.remote(i) + blocks.length(i) > endOfRemote(blocks.remote(i))) {
        return i;
      }
    }
    return -1;
  }

  /**
   * {@return whether a test holds for one of the peer's buffers that blocks begin in} It is asked
   * once for blocks in a row that begin in the same one.
   */
  boolean anyBuffer(BlockColumns blocks, Predicate<BufferDescriptor> test) {
    int last = -1;
    for (int i = 0; i < blocks.count(); i++) {
      int index = findAtPeer(blocks.remote(i));
      if (index != last && index >= 0 && index < peer.sorted.size()) {
        last = index;
        if (test.test(peer.sorted.get(index))) {
          return true;
        }
      }
    }
    return false;
  }

  /** {@return whether all buffers of the peer have keys for RDMA} */
  boolean peerIsKeyed() {
    return peer.keyed;
  }

  /** {@return whether all buffers of the peer have entries by which they are copied} */
  boolean peerIsFenced() {
    return peer.fenced;
  }

  static boolean hasNoFence(BufferDescriptor buffer) {
    return buffer.fence() == 0;
  }

  static boolean hasNoKeys(BufferDescriptor buffer) {
    return buffer.rkeys().isEmpty();
  }

  /** {@return the end of the peer's buffer that an address lies in, 0 if it lies in none} */
  long endOfRemote(long address) {
    int index = findAtPeer(address);
    return index < 0 ? 0 : peer.ends[index];
  }

  private int findAtPeer(long address) {
    int index = SeamFinder.find(peer.starts, peer.ends, address, lastAtPeer);
    if (index >= 0) {
      lastAtPeer = index;
    }
    return index;
  }

  /** {@return our registration that an address lies in; null if it lies in none} */
  @Nullable Region region(long address) {
    if (only != null) {
      return only.covers(address, 1) ? only : null;
    }
    int index = local.find(address);
    return index < 0 || index >= regions.length ? null : regions[index];
  }

  /** {@return the peer's buffer that an address lies in; null if it has published none there} */
  @Nullable BufferDescriptor buffer(long address) {
    int index = findAtPeer(address);
    return index < 0 || index >= peer.sorted.size() ? null : peer.sorted.get(index);
  }

  /**
   * {@return the first buffer that the blocks lie in and whose rights, as the peer states them, do
   * not allow the operation; null if there is none} Looks at blocks only if some buffer of the peer
   * has such rights. What the peer has not published counts as allowed: the peer decides.
   */
  public @Nullable BufferDescriptor forbidding(Operation operation, BlockColumns blocks) {
    if (peer.open) {
      return null;
    }
    for (int i = 0; i < blocks.count(); i++) {
      long at = blocks.remote(i);
      long end = at + blocks.length(i);
      // A block may go on in the next buffers: a large registration is published in pieces.
      for (BufferDescriptor buffer = buffer(at); buffer != null && at < end; buffer = buffer(at)) {
        AccessRights rights = buffer.rights();
        if (!(operation == Operation.WRITE ? rights.mayWrite() : rights.mayRead())) {
          return buffer;
        }
        at = buffer.address() + buffer.lengthBytes();
      }
    }
    return null;
  }

  /**
   * {@return the kinds of memory that blocks are moved between} Looks at each block only if there
   * is device memory on one of the sides. What the peer has not published counts as host memory:
   * the descriptor may be old, and the peer decides.
   */
  MemoryPairs pairs(BlockColumns blocks) {
    if (peer.kinds.isEmpty() && localIsHost()) {
      return MemoryPairs.hostOnly();
    }
    Set<MemoryPairs.Pair> pairs = new HashSet<>();
    MemoryPairs.Pair last = null;
    for (int i = 0; i < blocks.count(); i++) {
      MemoryKind here = kindHere(blocks.local(i));
      MemoryKind there = kindAtPeer(blocks.remote(i));
      if (last == null || !last.local().equals(here) || !last.peer().equals(there)) {
        last = new MemoryPairs.Pair(here, there);
        pairs.add(last);
      }
    }
    return new MemoryPairs(pairs);
  }

  /**
   * {@return for each block the index of the first transport that moves its bytes; -1 if none does}
   *
   * @param moves what each transport says of a kind of ours and one of the peer's
   */
  public int[] firstThatMoves(
      BlockColumns blocks, List<? extends BiPredicate<MemoryKind, MemoryKind>> moves) {
    int[] first = new int[blocks.count()];
    for (int i = 0; i < first.length; i++) {
      MemoryKind here = kindHere(blocks.local(i));
      MemoryKind there = kindAtPeer(blocks.remote(i));
      int index = 0;
      while (index < moves.size() && !moves.get(index).test(here, there)) {
        index++;
      }
      first[i] = index < moves.size() ? index : -1;
    }
    return first;
  }

  private MemoryKind kindHere(long address) {
    Region region = region(address);
    return region == null ? MemoryKind.host() : region.kind();
  }

  private MemoryKind kindAtPeer(long address) {
    int index = findAtPeer(address);
    return index < 0 || index >= peer.kinds.size() ? MemoryKind.host() : peer.kinds.get(index);
  }

  private boolean localIsHost() {
    if (only != null) {
      return only.kind().isHost();
    }
    for (Region region : regions) {
      if (!region.kind().isHost()) {
        return false;
      }
    }
    return true;
  }
}
