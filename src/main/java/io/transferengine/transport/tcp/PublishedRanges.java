// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
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
   *
   * @param version2 whether it is spoken to in version 2; it may announce that, and we may not
   */
  static Optional<TransferException> refusal(
      SegmentDescriptor peer, boolean version2, TransferTask task) {
    int outside = peer.tcpProtoVersion() >= 2 ? -1 : task.blockOutsideBuffers();
    if (outside >= 0) {
      return Optional.of(refused(peer, task.remote(outside), task.length(outside)));
    }
    return version2 || task.operation() == Operation.READ
        ? Optional.empty()
        : unconfirmable(peer, task);
  }

  /** What is written in version 1 is confirmed by a read (WriteConfirmation). */
  private static Optional<TransferException> unconfirmable(
      SegmentDescriptor peer, TransferTask task) {
    if (peer.buffers().stream().allMatch(buffer -> buffer.rights().mayRead())) {
      return Optional.empty();
    }
    for (int i = 0; i < task.blockCount(); i++) {
      if (task.buffer(task.remote(i)).filter(buffer -> !buffer.rights().mayRead()).isPresent()) {
        return Optional.of(
            TransferException.withPeer(
                peer.name(),
                ErrorCode.ADDRESS_NOT_REGISTERED,
                "its memory at 0x%x may only be written, and version 1 of the TCP protocol confirms"
                        .formatted(task.remote(i))
                    + " what is written by reading it",
                "Let both engines speak version 2 (MC_TCP_PROTO), or register the memory there for"
                    + " reading too",
                null));
      }
    }
    return Optional.empty();
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
