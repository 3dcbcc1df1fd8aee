// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.TransferTask;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.util.Comparator;
import java.util.Optional;

/**
 * Looks, on our side, whether a transfer stays inside what the peer published. A peer that
 * announces version 2 looks by itself, and knows better. Those before do not look at all: a bad
 * address ends their process, with all that others have there.
 */
final class PublishedRanges {
  private PublishedRanges() {}

  /**
   * {@return why the transfer must not go out; empty when it may} What the peer published may have
   * grown meanwhile, so whoever has an old descriptor should ask for a new one first.
   */
  static Optional<TransferException> refusal(SegmentDescriptor peer, TransferTask task) {
    if (peer.tcpProtoVersion() >= 2) {
      return Optional.empty();
    }
    int outside = task.blockOutsideBuffers();
    return outside < 0
        ? Optional.empty()
        : Optional.of(refused(peer, task.remote(outside), task.length(outside)));
  }

  private static TransferException refused(SegmentDescriptor peer, long address, long length) {
    return TransferException.withPeer(
        peer.name(),
        ErrorCode.ADDRESS_NOT_REGISTERED,
        "%d bytes at 0x%x are not wholly inside one buffer that it publishes; %s"
            .formatted(length, address, nearest(peer, address)),
        "Check address and length, and that the peer has registered the memory. It was not asked:"
            + " a peer of its version (without tcp_proto_version) would not check, but crash",
        null);
  }

  private static String nearest(SegmentDescriptor peer, long address) {
    return peer.buffers().stream()
        .min(Comparator.comparingLong(buffer -> distance(buffer, address)))
        .map(
            buffer ->
                "the nearest has %d bytes at 0x%x"
                    .formatted(buffer.lengthBytes(), buffer.address()))
        .orElse("it publishes none");
  }

  private static long distance(BufferDescriptor buffer, long address) {
    long end = buffer.address() + buffer.lengthBytes();
    return address < buffer.address() ? buffer.address() - address : Math.max(0, address - end);
  }
}
