// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import io.transferengine.access.AccessRights;
import io.transferengine.memory.MemoryKind;
import io.transferengine.memory.Region;
import io.transferengine.memory.UsedRanges;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.wire.BufferDescriptor;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiPredicate;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What the blocks of a batch are moved between: registrations of ours, and buffers that the peer
 * published. A part of a {@link TransferTask}, and not an object of its own.
 *
 * <p>A look-up at the peer remembers its last answer, since the blocks of a batch tend to stay in
 * one buffer. It is a hint: threads that look up at the same time do each other no harm.
 */
abstract class TransferEnds extends TaskProgress {
  final BlockColumns blocks;
  final UsedRanges<Region> ours;
  final PeerBuffers peer;
  private final Operation operation;
  private final MemoryPairs pairs;

  /** Of the peer's buffers, which was found last. */
  private int lastAtPeer;

  TransferEnds(
      Operation operation,
      BlockColumns blocks,
      UsedRanges<Region> ours,
      PeerBuffers peer,
      Listener listener,
      long nowNanos) {
    super(nowNanos, listener);
    this.operation = operation;
    this.blocks = blocks;
    this.ours = ours;
    this.peer = peer;
    this.pairs = findPairs();
  }

  /** {@return the direction} */
  public final Operation operation() {
    return operation;
  }

  /** {@return the kinds of memory that it moves bytes between} */
  public final MemoryPairs pairs() {
    return pairs;
  }

  /**
   * {@return the registration of ours that one of its requests lies in} It says what memory that
   * is, and is held until the task has ended. Cheap in a {@link RequestSink}, for each request.
   *
   * @param local where the request, or a part of it, begins here
   */
  public final Region region(long local) {
    Region region = ours.at(local);
    if (region == null) {
      throw new IllegalArgumentException("0x%x is not in this transfer".formatted(local));
    }
    return region;
  }

  /**
   * {@return the peer's buffer that one of its requests lies in, as the descriptor has it that the
   * task was made with; empty if the peer had not published any there}
   *
   * @param remote where the request, or a part of it, begins at the peer
   */
  public final Optional<BufferDescriptor> buffer(long remote) {
    return Optional.ofNullable(bufferAt(remote));
  }

  /** {@return the first block that is not inside one of the peer's buffers, -1 if all are} */
  public final int blockOutsideBuffers() {
    for (int i = 0; i < blocks.count(); i++) {
      if (blocks.remote(i) + blocks.length(i) > endAtPeer(blocks.remote(i))) {
        return i;
      }
    }
    return -1;
  }

  /**
   * {@return whether a test holds for one of the peer's buffers that its blocks begin in} It is
   * asked once for blocks in a row that begin in the same one.
   */
  public final boolean anyBuffer(Predicate<BufferDescriptor> test) {
    int last = -1;
    for (int i = 0; i < blocks.count(); i++) {
      int index = findAtPeer(blocks.remote(i));
      BufferDescriptor buffer = peer.get(index);
      if (buffer != null && index != last) {
        last = index;
        if (test.test(buffer)) {
          return true;
        }
      }
    }
    return false;
  }

  /** {@return whether a buffer of the peer that its blocks begin in has no keys for RDMA} */
  public final boolean anyWithoutKeys() {
    // Asked for each transfer over RDMA: nearly always all have keys.
    return !peer.areKeyed() && anyBuffer(PeerBuffers::hasNoKeys);
  }

  /**
   * {@return whether a buffer of the peer that its blocks begin in has no entry (its fence is 0)}
   */
  public final boolean anyWithoutFence() {
    return !peer.areFenced() && anyBuffer(PeerBuffers::hasNoFence);
  }

  /**
   * {@return the first buffer that the blocks lie in and whose rights, as the peer states them, do
   * not allow the operation; null if there is none} Looks at blocks only if some buffer of the peer
   * has such rights. What the peer has not published counts as allowed: the peer decides.
   */
  public final @Nullable BufferDescriptor forbidding() {
    if (peer.areOpen()) {
      return null;
    }
    for (int i = 0; i < blocks.count(); i++) {
      long at = blocks.remote(i);
      long end = at + blocks.length(i);
      // A block may go on in the next buffers: a large registration is published in pieces.
      for (BufferDescriptor buffer = bufferAt(at);
          buffer != null && at < end;
          buffer = bufferAt(at)) {
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
   * {@return for each block the index of the first transport that moves its bytes; -1 if none does}
   *
   * @param moves what each transport says of a kind of ours and one of the peer's
   */
  public final int[] firstThatMoves(List<? extends BiPredicate<MemoryKind, MemoryKind>> moves) {
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

  /** {@return the end of our registration that an address lies in, 0 if it lies in none} */
  final long endHere(long address) {
    return ours.endAt(address);
  }

  /** {@return the end of the peer's buffer that an address lies in, 0 if it lies in none} */
  final long endAtPeer(long address) {
    int index = findAtPeer(address);
    return index < 0 ? 0 : peer.end(index);
  }

  private int findAtPeer(long address) {
    int index = peer.find(address, lastAtPeer);
    if (index >= 0) {
      lastAtPeer = index;
    }
    return index;
  }

  private @Nullable BufferDescriptor bufferAt(long address) {
    return peer.get(findAtPeer(address));
  }

  /**
   * Looks at each block only if there is device memory on one of the sides. What the peer has not
   * published counts as host memory: the descriptor may be old, and the peer decides.
   */
  private MemoryPairs findPairs() {
    if (peer.areHost() && ours.areHost()) {
      return MemoryPairs.hostOnly();
    }
    Set<MemoryPairs.Pair> found = new HashSet<>();
    MemoryPairs.Pair last = null;
    for (int i = 0; i < blocks.count(); i++) {
      MemoryKind here = kindHere(blocks.local(i));
      MemoryKind there = kindAtPeer(blocks.remote(i));
      if (last == null || !last.local().equals(here) || !last.peer().equals(there)) {
        last = new MemoryPairs.Pair(here, there);
        found.add(last);
      }
    }
    return new MemoryPairs(found);
  }

  private MemoryKind kindHere(long address) {
    Region region = ours.at(address);
    return region == null ? MemoryKind.host() : region.kind();
  }

  private MemoryKind kindAtPeer(long address) {
    return peer.kind(findAtPeer(address));
  }
}
