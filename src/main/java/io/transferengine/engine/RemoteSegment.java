// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.SeamFinder;
import io.transferengine.transport.Transport;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A peer's segment, ready for use. Immutable, save for one thing that is learnt about it.
 *
 * @param name the name that it was opened by
 * @param address its descriptor and addresses
 * @param transports what reaches it and may be used, best first; at least one
 * @param bufferStarts first addresses of its buffers, sorted
 * @param bufferEnds the addresses after their last bytes, in the same order
 * @param takesBlocksOnly set once a transfer has shown that it takes blocks one by one of which it
 *     refused a merged request: a managed pool of a Java engine is one buffer, but each allocation
 *     in it is a range by itself
 */
@SuppressWarnings("ArrayRecordComponent") // shared by every transfer to the segment, never changed
record RemoteSegment(
    String name,
    PeerAddress address,
    List<Transport> transports,
    long[] bufferStarts,
    long[] bufferEnds,
    AtomicBoolean takesBlocksOnly) {

  static RemoteSegment of(String name, PeerAddress address, List<Transport> transports) {
    List<BufferDescriptor> sorted =
        address.descriptor().buffers().stream()
            .sorted(Comparator.comparingLong(BufferDescriptor::address))
            .toList();
    long[] starts = new long[sorted.size()];
    long[] ends = new long[sorted.size()];
    for (int i = 0; i < starts.length; i++) {
      starts[i] = sorted.get(i).address();
      ends[i] = starts[i] + sorted.get(i).lengthBytes();
    }
    return new RemoteSegment(
        name, address, List.copyOf(transports), starts, ends, new AtomicBoolean());
  }

  SegmentDescriptor descriptor() {
    return address.descriptor();
  }

  /** {@return the best transport that reaches it} */
  Transport transport() {
    return transports.getFirst();
  }

  /**
   * {@return the best transport for a transfer; the best of all if none moves its memory}
   *
   * @param deviceMemory whether the processor cannot read and write the local memory
   */
  Transport transportFor(boolean deviceMemory) {
    if (deviceMemory) {
      for (Transport each : transports) {
        if (each.movesDeviceMemory()) {
          return each;
        }
      }
    }
    return transport();
  }

  /** {@return its buffers, within which a block lies and neighbours may be merged} */
  SeamFinder seams() {
    return new SeamFinder(bufferStarts, bufferEnds);
  }
}
