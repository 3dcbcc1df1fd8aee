// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import io.transferengine.access.AccessRights;
import io.transferengine.memory.MemoryKind;
import io.transferengine.wire.BufferDescriptor;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The buffers that a peer published, in the form that look-ups need. Immutable, and shared by all
 * transfers to the peer.
 */
public final class PeerBuffers {
  private final long[] starts;
  private final long[] ends;
  private final List<BufferDescriptor> sorted;

  /** What memory each is; nothing where all is host memory, as nearly always. */
  private final List<MemoryKind> kinds;

  private final boolean open;
  private final boolean keyed;
  private final boolean fenced;

  /** Buffers in any order. */
  public PeerBuffers(List<BufferDescriptor> buffers) {
    sorted = buffers.stream().sorted(Comparator.comparingLong(BufferDescriptor::address)).toList();
    starts = sorted.stream().mapToLong(BufferDescriptor::address).toArray();
    ends = sorted.stream().mapToLong(each -> each.address() + each.lengthBytes()).toArray();
    boolean hostOnly = sorted.stream().allMatch(each -> each.kind().isHost());
    kinds = hostOnly ? List.of() : sorted.stream().map(BufferDescriptor::kind).toList();
    open = sorted.stream().allMatch(each -> each.rights() == AccessRights.READ_WRITE);
    keyed = sorted.stream().noneMatch(PeerBuffers::hasNoKeys);
    fenced = sorted.stream().noneMatch(PeerBuffers::hasNoFence);
  }

  /** Host memory, of which nothing but the ranges is known. */
  PeerBuffers(SeamFinder ranges) {
    starts = ranges.starts;
    ends = ranges.ends;
    sorted = List.of();
    kinds = List.of();
    open = keyed = fenced = true;
  }

  static boolean hasNoFence(BufferDescriptor buffer) {
    return buffer.fence() == 0;
  }

  static boolean hasNoKeys(BufferDescriptor buffer) {
    return buffer.rkeys().isEmpty();
  }

  /** {@return whether peers may read and write all of them, as nearly always} */
  boolean areOpen() {
    return open;
  }

  /** {@return whether all have keys for RDMA} */
  boolean areKeyed() {
    return keyed;
  }

  /**
   * {@return whether all have entries of {@code te_local}, by which they are copied on one machine}
   */
  boolean areFenced() {
    return fenced;
  }

  /** {@return whether all are host memory} */
  boolean areHost() {
    return kinds.isEmpty();
  }

  /**
   * {@return the index of the buffer that an address lies in; -1 if it lies in none}
   *
   * @param last what was found last; 0 at first
   */
  int find(long address, int last) {
    return SeamFinder.find(starts, ends, address, last);
  }

  /** {@return the address behind a buffer} */
  long end(int index) {
    return ends[index];
  }

  /** {@return a buffer; null if there is none} */
  @Nullable BufferDescriptor get(int index) {
    return index < 0 || index >= sorted.size() ? null : sorted.get(index);
  }

  /** {@return what memory a buffer is; host memory if there is none} */
  MemoryKind kind(int index) {
    return index < 0 || index >= kinds.size() ? MemoryKind.host() : kinds.get(index);
  }
}
