// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The Connection message that pairs queue pairs, and its reply (protocol section 5.3).
 *
 * @param localNicPath the sender's NIC, {@code <server>@<device>}
 * @param peerNicPath the NIC that the sender wants to talk to, in the receiver's own spelling
 * @param qpNums the sender's queue pair numbers, 0 to 2^32-1; the i-th pairs with the i-th
 * @param replyMessage in a reply, the reason of a refusal; else empty
 * @param localLid the LID of the sender's port, 0 to 65535
 * @param localGid the sender's GID as in {@link DeviceDescriptor}; empty from peers before v0.3.11
 * @param readyAck present if the sender knows the second round; true in that round
 * @param payload opaque; empty for RDMA
 * @param activeMtuBytes the MTU of the sender's port, so that both sides can take the smaller one;
 *     our own member, unknown to C++; 0 if the sender does not state it
 * @param twoSided whether it asks for a channel of two-sided messages (C++'s {@code ctrl_channel}
 *     or {@code msg_channel}), which we do not speak and never ask for
 * @param host in a request, who asks for a lease of slots in the receiver's area (ADR 39); our own
 *     member, unknown to C++
 * @param ask in such a request, where in its own area it says whom it asks, 0 for nowhere; our own
 *     member
 * @param slots in the reply, where the slots are in that area, 0 for none; our own member
 */
public record HandshakeDescriptor(
    String localNicPath,
    String peerNicPath,
    List<Long> qpNums,
    String replyMessage,
    int localLid,
    String localGid,
    Optional<Boolean> readyAck,
    String payload,
    int activeMtuBytes,
    boolean twoSided,
    Optional<HostDescriptor> host,
    long ask,
    long slots) {
  /** The answer of a peer without RDMA: all members are empty. */
  public static final HandshakeDescriptor EMPTY = rejection("");

  /** Copies the list. */
  public HandshakeDescriptor {
    qpNums = List.copyOf(qpNums);
  }

  /** The one-round message that every version understands: no {@code ready_ack}, no payload. */
  public HandshakeDescriptor(
      String localNicPath, String peerNicPath, List<Long> qpNums, int localLid, String localGid) {
    this(
        localNicPath,
        peerNicPath,
        qpNums,
        "",
        localLid,
        localGid,
        Optional.empty(),
        "",
        0,
        false,
        Optional.empty(),
        0,
        0);
  }

  /** {@return a reply that refuses the connection, with the reason} */
  public static HandshakeDescriptor rejection(String reason) {
    Draft draft = new Draft();
    draft.replyMessage = reason;
    return draft.descriptor();
  }

  /** {@return the answer of an engine that has no queue pairs to connect} */
  public static HandshakeDescriptor withoutQueuePairs(String segment) {
    return rejection("This peer (" + segment + ") has no RDMA; it is reached over TCP");
  }

  /** {@return a request for slots in the receiver's area} */
  public static HandshakeDescriptor slotsFor(HostDescriptor host, long ask) {
    return EMPTY.with(
        draft -> {
          draft.host = Optional.of(host);
          draft.ask = ask;
        });
  }

  /** {@return the reply to such a request} */
  public static HandshakeDescriptor slotsAt(long address) {
    return EMPTY.with(draft -> draft.slots = address);
  }

  /** {@return this message with another {@code ready_ack}} */
  public HandshakeDescriptor withReadyAck(Optional<Boolean> readyAck) {
    return with(draft -> draft.readyAck = readyAck);
  }

  /** {@return this message with another MTU} */
  public HandshakeDescriptor withActiveMtuBytes(int activeMtuBytes) {
    return with(draft -> draft.activeMtuBytes = activeMtuBytes);
  }

  private HandshakeDescriptor with(Consumer<Draft> change) {
    Draft draft = new Draft();
    draft.localNicPath = localNicPath;
    draft.peerNicPath = peerNicPath;
    draft.qpNums = qpNums;
    draft.replyMessage = replyMessage;
    draft.localLid = localLid;
    draft.localGid = localGid;
    draft.readyAck = readyAck;
    draft.payload = payload;
    draft.activeMtuBytes = activeMtuBytes;
    draft.twoSided = twoSided;
    draft.host = host;
    draft.ask = ask;
    draft.slots = slots;
    change.accept(draft);
    return draft.descriptor();
  }

  /** A message that is being put together. All members are empty at first. */
  static final class Draft {
    String localNicPath = "";
    String peerNicPath = "";
    List<Long> qpNums = List.of();
    String replyMessage = "";
    int localLid;
    String localGid = "";
    Optional<Boolean> readyAck = Optional.empty();
    String payload = "";
    int activeMtuBytes;
    boolean twoSided;
    Optional<HostDescriptor> host = Optional.empty();
    long ask;
    long slots;

    HandshakeDescriptor descriptor() {
      return new HandshakeDescriptor(
          localNicPath,
          peerNicPath,
          qpNums,
          replyMessage,
          localLid,
          localGid,
          readyAck,
          payload,
          activeMtuBytes,
          twoSided,
          host,
          ask,
          slots);
    }
  }
}
