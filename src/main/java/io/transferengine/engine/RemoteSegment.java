// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static java.util.stream.Collectors.joining;

import io.transferengine.config.TransportPolicy;
import io.transferengine.events.TransferReport;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.MemoryPairs;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.PeerBuffers;
import io.transferengine.transport.TransferTask;
import io.transferengine.transport.Transport;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * A peer's segment, ready for use. Immutable, except for {@code takesBlocksOnly}.
 *
 * @param name the name that it was opened by
 * @param address its descriptor and addresses
 * @param transports the transports that reach it and may be used, best first; at least one
 * @param buffers its published buffers, for look-ups
 * @param takesBlocksOnly set once the peer has refused a merged request but accepted its blocks one
 *     by one: a managed pool of a Java engine is one buffer, but each allocation in it is its own
 *     range
 */
record RemoteSegment(
    String name,
    PeerAddress address,
    List<Transport> transports,
    PeerBuffers buffers,
    AtomicBoolean takesBlocksOnly) {

  static RemoteSegment of(String name, PeerAddress address, List<Transport> transports) {
    return new RemoteSegment(
        name,
        address,
        List.copyOf(transports),
        new PeerBuffers(address.descriptor().buffers()),
        new AtomicBoolean());
  }

  SegmentDescriptor descriptor() {
    return address.descriptor();
  }

  /** {@return the best transport that reaches it} */
  Transport transport() {
    return transports.getFirst();
  }

  /**
   * {@return the best transport that moves all of a transfer; empty if none does, or if a better
   * one moves a part} Better ones hear of it, if there is device memory in the transfer.
   */
  Optional<Transport> transportFor(TransferTask whole) {
    Optional<Transport> one = findFor(whole);
    tellThoseBefore(one.orElse(null), whole);
    return one;
  }

  @SuppressWarnings("ReferenceEquality") // of transports, and of the pairs of nearly all tasks
  private void tellThoseBefore(@Nullable Transport chosen, TransferTask whole) {
    if (whole.pairs() == MemoryPairs.hostOnly()) {
      return;
    }
    for (Transport each : transports) {
      if (each == chosen) {
        return;
      }
      each.isPassedOver(address, whole);
    }
  }

  private Optional<Transport> findFor(TransferTask whole) {
    MemoryPairs pairs = whole.pairs();
    @Nullable Transport last = null;
    // By numbers: an iterator would be one more object for each transfer.
    for (int i = 0; i < transports.size(); i++) {
      Transport each = transports.get(i);
      if (pairs.notMoved(each::moves).isEmpty()) {
        if (each.takes(whole)) {
          return Optional.of(each);
        }
        last = each;
      } else if (last == null && pairs.isAnyMoved(each::moves)) {
        return Optional.empty(); // It is better for a part.
      }
    }
    // One that rather would not says why it cannot.
    return Optional.ofNullable(last);
  }

  /** {@return a pair of kinds that none of its transports moves between; empty if all are moved} */
  Optional<MemoryPairs.Pair> notMoved(MemoryPairs pairs) {
    return pairs.notMoved(
        (local, peer) -> transports.stream().anyMatch(each -> each.moves(local, peer)));
  }

  /**
   * {@return why a transfer went over a transport, a clause}
   *
   * @param used its name, or that of several
   */
  String explainChoice(String used) {
    // No lambda: this runs when a transfer ends, perhaps in a full heap.
    StringBuilder names = new StringBuilder();
    for (Transport each : transports) {
      names.append(names.isEmpty() ? "" : ", ").append(each.name());
    }
    String all = names.toString();
    if (used.equals(TransferReport.SEVERAL)) {
      return "no single one of " + all + " moves all of its memory";
    }
    if (transports.size() == 1) {
      return "only " + all + " reaches the peer";
    }
    return transport().name().equals(used)
        ? used + " is the best of " + all + ", which reach the peer"
        : transport().name()
            + " is better, but does not move this memory, or had no path to the peer";
  }

  /** {@return why a transfer between two kinds fails} */
  TransferException doesNotMove(MemoryPairs.Pair kinds) {
    return TransferException.withPeer(
        name,
        ErrorCode.ADDRESS_NOT_REGISTERED,
        "it is reached over "
            + transports.stream()
                .map(each -> TransportPolicy.shown(each.name()))
                .collect(joining(" and "))
            + ", which cannot move the device memory of this transfer: from or to "
            + kinds.local()
            + " here and "
            + kinds.peer()
            + " there",
        "Copy the data to host memory, or reach the peer over a transport that moves it",
        null);
  }

  /** {@return why a transfer to or from a buffer with other rights fails} */
  TransferException forbids(Operation operation, BufferDescriptor range) {
    boolean write = operation == Operation.WRITE;
    return TransferException.withPeer(
        name,
        ErrorCode.ADDRESS_NOT_REGISTERED,
        "it lets peers %s its %d bytes at 0x%x, and this transfer would %s there"
            .formatted(
                range.rights().text(),
                range.lengthBytes(),
                range.address(),
                write ? "write" : "read"),
        "Register the memory there with other rights, or use other memory",
        null);
  }
}
