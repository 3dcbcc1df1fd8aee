// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.access.PeerIdentity;
import io.transferengine.events.EngineEvent;
import io.transferengine.logging.Printable;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.net.Shares;
import io.transferengine.os.NativeCallException;
import io.transferengine.topology.Gid;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.PeerLink;
import io.transferengine.wire.DeviceDescriptor;
import io.transferengine.wire.HandshakeDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Connects queue pairs with a peer's, in either role (protocol sections 5.3 and 5.4).
 *
 * <p><b>One endpoint for both roles.</b> It is found by the device and the peer's NIC path,
 * whichever side asks. So if two sides ask each other at the same time, they mean the same queue
 * pairs: the first message connects them, and the second finds them connected to the numbers that
 * it names.
 *
 * <p><b>Two rounds.</b> The side that answers has its queue pairs ready before it answers; the side
 * that asks has them ready only afterwards. If the side that answers sent at once, its first
 * packets would be dropped and sent again 67 ms later. So the side that asks sends a second message
 * when its queue pairs are ready, if the other side knows the second round ({@code ready_ack} is in
 * its message). With other peers there is one round only.
 *
 * <p><b>Repeated messages.</b> A message with the queue pair numbers that we are connected to gets
 * the same answer. Other numbers mean that the peer has made new queue pairs: ours are closed and
 * replaced.
 *
 * <p><b>Strangers.</b> Anybody can send a message. Its names are checked before anything is made or
 * kept for it. A host that it names is asked only if the message came from there. An endpoint that
 * still works is not given up for it: its queue pairs are tested first.
 *
 * <p>Methods block while the peer answers and while queue pairs change state. Thread-safe.
 */
final class Handshakes {
  private static final Logger log = LoggerFactory.getLogger(Handshakes.class);

  /** C++ peers serve one handshake at a time, for up to 5 s if a client is slow. */
  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  /** The other side may make new queue pairs meanwhile. Then we try once more, as in C++. */
  private static final int ATTEMPTS = 2;

  private static final int QUOTED_LENGTH_MAX = 200;

  /** The port for segment names without one, which stand for an address on a metadata server. */
  private static final int ANY_PORT = 12_001;

  /**
   * The most requests at once to peers whose message has no GID, as that of C++ before v0.3.11;
   * half of it to one address.
   */
  private static final int CALL_BACKS_MAX = 16;

  /** Enough for a probe: if the peer is gone, the queue pair gives up after 0.6 s. */
  private static final long PROBE_SECONDS = 2;

  /** The name that a C++ peer with MC_USE_RDMA_TWOSIDED sends instead of a NIC. */
  private static final String MESSAGE_CHANNEL = "__msg__";

  private static final String NAME_REMEDY =
      "Give each engine a host name that leads to it from everywhere";

  private final List<RdmaNic> nics;
  private final RdmaSettings settings;
  private final PeerLink peers;
  private final EngineMetrics metrics;
  private final ConnectionRights rights;
  private final Supplier<List<SegmentDescriptor>> known;
  private final ControlThreads threads;
  private final Shares callBacks = new Shares(CALL_BACKS_MAX);

  /**
   * Creates the handshakes of one engine.
   *
   * @param nics our devices; may grow until the first use
   * @param rights what peers may do over their queue pairs
   * @param known the descriptors of the peers that we know
   * @param threads the threads that make and connect queue pairs
   */
  Handshakes(
      List<RdmaNic> nics,
      RdmaSettings settings,
      PeerLink peers,
      EngineMetrics metrics,
      ConnectionRights rights,
      Supplier<List<SegmentDescriptor>> known,
      ControlThreads threads) {
    this.nics = nics;
    this.settings = settings;
    this.peers = peers;
    this.metrics = metrics;
    this.rights = rights;
    this.known = known;
    this.threads = threads;
  }

  /** {@return our own name in NIC paths} */
  String server() {
    String name = peers.segmentName();
    return settings
        .bindAddress()
        .map(host -> new HostPort(host, HostPort.parse(name, ANY_PORT).port()).toString())
        .orElse(name);
  }

  private static String serverOf(SegmentDescriptor segment) {
    return segment.rdmaServerName().orElse(segment.name());
  }

  // ---- asking

  /**
   * {@return an endpoint that is connected}
   *
   * @throws TransferException if the peer cannot be asked or refuses
   * @throws NativeCallException if our queue pairs cannot be connected to the peer's
   */
  RdmaEndpoint connect(RdmaNic nic, PeerAddress peer, String device) {
    SegmentDescriptor segment = peer.descriptor();
    String peerPath = new NicPath(serverOf(segment), device).toString();
    if (!NicPath.isValid(peerPath)) {
      throw TransferException.withPeer(
          segment.name(),
          ErrorCode.DEVICE_NOT_FOUND,
          quoted(peerPath) + " is not a valid NIC path",
          "Restart the peer with valid names",
          null);
    }
    for (int attempt = 1; ; attempt++) {
      RdmaEndpoint endpoint = threads.call(() -> nic.endpoints().getOrCreate(peerPath));
      try {
        if (ask(endpoint, peer, device)) {
          return endpoint;
        }
      } catch (Throwable t) {
        discard(nic, endpoint, String.valueOf(t.getMessage()));
        throw t;
      }
      discard(nic, endpoint, "the peer has made new queue pairs");
      if (attempt == ATTEMPTS) {
        throw TransferException.withPeer(
            segment.name(),
            ErrorCode.REJECT_HANDSHAKE,
            "its answers name other queue pairs than ours are connected to",
            "Does another process use the same name?",
            null);
      }
    }
  }

  private static void discard(RdmaNic nic, RdmaEndpoint endpoint, String reason) {
    endpoint.close(reason);
    nic.endpoints().remove(endpoint);
  }

  /** {@return whether the endpoint is connected to the queue pairs that the peer names} */
  private boolean ask(RdmaEndpoint endpoint, PeerAddress peer, String device) {
    SegmentDescriptor segment = peer.descriptor();
    if (endpoint.awaitState() == RdmaEndpoint.State.CONNECTED) {
      return true;
    }
    RdmaDevice ours = endpoint.device();
    String ourPath = new NicPath(server(), ours.name()).toString();
    if (ourPath.equals(endpoint.peerPath())) {
      if (!segment.incarnation().equals(Optional.of(peers.incarnation()))) {
        throw TransferException.withPeer(
            segment.name(),
            ErrorCode.REJECT_HANDSHAKE,
            "it calls itself " + server() + ", which is our own name",
            NAME_REMEDY,
            null);
      }
      PeerPort ourselves = new PeerPort(ours.gid().gid(), ours.port().lid(), 0);
      return connectOrCompare(endpoint, ourselves, endpoint.numbers(), false, unproved(peer));
    }
    HandshakeDescriptor message = message(endpoint, ourPath).withReadyAck(Optional.of(false));
    PeerLink.Reply answer = peers.connect(segment.name(), message, TIMEOUT);
    HandshakeDescriptor reply = answer.message();
    requirePaths(segment.name(), reply, endpoint.peerPath(), ourPath);
    requireCount(segment.name(), reply.qpNums().size());
    PeerPort port = port(reply, () -> segment, device);
    List<PeerIdentity> whose = answer.from().isProved() ? List.of(answer.from()) : unproved(peer);
    if (!connectOrCompare(endpoint, port, reply.qpNums(), false, whose)) {
      return false;
    }
    if (reply.readyAck().isPresent()) {
      HandshakeDescriptor ready = message.withReadyAck(Optional.of(true));
      var _ = peers.connect(segment.name(), ready, TIMEOUT);
    }
    endpoint.acknowledged();
    return true;
  }

  /** Without a proof, it may be whoever is at one of its addresses. */
  private static List<PeerIdentity> unproved(PeerAddress peer) {
    return peer.addresses().stream().map(PeerIdentity::unproved).toList();
  }

  /**
   * Connects the endpoint, unless another message of the same peer has done so already.
   *
   * @param waits whether the peer will send a second message when it is ready
   * @param whose the identities that the peer may have
   * @return whether the endpoint is connected to those queue pairs
   */
  private boolean connectOrCompare(
      RdmaEndpoint endpoint,
      PeerPort peer,
      List<Long> theirs,
      boolean waits,
      List<PeerIdentity> whose) {
    return threads.call(
        () -> endpoint.connect(peer, theirs, waits, () -> rights.grant(endpoint, whose)));
  }

  private HandshakeDescriptor message(RdmaEndpoint endpoint, String ourPath) {
    RdmaDevice ours = endpoint.device();
    return new HandshakeDescriptor(
            ourPath,
            endpoint.peerPath(),
            endpoint.numbers(),
            ours.port().lid(),
            ours.gid().gid().text())
        .withActiveMtuBytes(ours.port().activeMtuBytes());
  }

  private static void requirePaths(
      String peer, HandshakeDescriptor reply, String theirs, String ours) {
    if (!reply.localNicPath().equals(theirs) || !reply.peerNicPath().equals(ours)) {
      throw TransferException.withPeer(
          peer,
          ErrorCode.REJECT_HANDSHAKE,
          "we asked for %s to %s, but it answers for %s to %s"
              .formatted(ours, theirs, quoted(reply.peerNicPath()), quoted(reply.localNicPath())),
          "It may have no RDMA, or another process may answer there",
          null);
    }
  }

  private void requireCount(String peer, int count) {
    if (count != settings.queuePairsPerEndpoint()) {
      throw TransferException.withPeer(
          peer,
          ErrorCode.REJECT_HANDSHAKE,
          "QP count mismatch: it has %d queue pairs for an endpoint, we have %d"
              .formatted(count, settings.queuePairsPerEndpoint()),
          "Set MC_NUM_QP_PER_EP to the same number on both sides",
          null);
    }
  }

  /** The message of a peer before v0.3.11 has no GID. Then its descriptor has it. */
  private static PeerPort port(
      HandshakeDescriptor theirs, Supplier<SegmentDescriptor> segment, String device) {
    if (!theirs.localGid().isEmpty()) {
      return new PeerPort(
          gid(theirs.localNicPath(), theirs.localGid()),
          theirs.localLid(),
          theirs.activeMtuBytes());
    }
    SegmentDescriptor descriptor = segment.get();
    for (DeviceDescriptor each : descriptor.devices()) {
      if (each.name().equals(device)) {
        return new PeerPort(gid(descriptor.name(), each.gid()), each.lid(), 0);
      }
    }
    throw TransferException.withPeer(
        descriptor.name(),
        ErrorCode.DEVICE_NOT_FOUND,
        "its descriptor has no device " + quoted(device),
        "Restart it: its record and its handshake name different devices",
        null);
  }

  private static Gid gid(String peer, String text) {
    return Gid.parse(text)
        .orElseThrow(
            () ->
                TransferException.withPeer(
                    quoted(peer),
                    ErrorCode.REJECT_HANDSHAKE,
                    quoted(text) + " is not a GID",
                    "A GID is 16 two-digit hex bytes joined by colons",
                    null));
  }

  private static String quoted(String text) {
    return "\"" + Printable.of(text, QUOTED_LENGTH_MAX) + "\"";
  }

  // ---- being asked

  /**
   * {@return the reply to a peer's message}
   *
   * @throws TransferException if the message is refused; the text is for the peer
   */
  HandshakeDescriptor answer(PeerIdentity from, HandshakeDescriptor request) {
    try {
      requireOurKind(request);
      NicPath asked = NicPath.parse(request.peerNicPath());
      RdmaNic nic = nic(asked.device());
      if (!asked.server().equals(server())) {
        throw refusal(
            "the message is for %s, we are %s"
                .formatted(quoted(request.peerNicPath()), new NicPath(server(), nic.name())));
      }
      if (request.readyAck().orElse(false)) {
        return acknowledged(nic, request);
      }
      requireNameOfItsOwn(from.address(), NicPath.parse(request.localNicPath()).server());
      requireCount(quoted(request.localNicPath()), request.qpNums().size());
      rights.requireReach(from);
      RdmaEndpoint endpoint = connectedTo(nic, from, request);
      HandshakeDescriptor reply = message(endpoint, asked.toString());
      return request.readyAck().isPresent() ? reply.withReadyAck(Optional.of(false)) : reply;
    } catch (TransferException e) {
      metrics.happened(
          EngineEvent.Kind.REFUSED,
          Counter.RDMA_HANDSHAKES_REFUSED,
          SegmentDescriptor.RDMA,
          from,
          String.valueOf(e.getMessage()));
      throw e;
    }
  }

  /** Checks a message before any of its texts is parsed, kept or logged. */
  private static void requireOurKind(HandshakeDescriptor request) {
    if (request.twoSided()
        || request.peerNicPath().equals(MESSAGE_CHANNEL)
        || request.localNicPath().equals(MESSAGE_CHANNEL)) {
      throw new TransferException(
          ErrorCode.REJECT_HANDSHAKE,
          "two-sided RDMA channels (ctrl_channel, msg_channel) are not supported",
          "Unset MC_USE_RDMA_TWOSIDED at the C++ peer");
    }
    if (request.qpNums().isEmpty()) {
      throw refusal("the message names no queue pair (qp_num is empty)");
    }
    for (String path : List.of(request.localNicPath(), request.peerNicPath())) {
      if (!NicPath.isValid(path)) {
        throw refusal(
            "%s (%d characters) is not a NIC path, which is <segment>@<device>, at most %d"
                .formatted(quoted(path), path.length(), NicPath.LENGTH_MAX));
      }
    }
  }

  /**
   * Checks that a peer does not use our own name, or a name that leads to this machine. An endpoint
   * is found by the peer's name for itself: under such a name, the peer would be mistaken for us or
   * for another engine here. (An endpoint to ourselves needs no message.)
   */
  private void requireNameOfItsOwn(InetAddress from, String theirs) {
    boolean ours = theirs.equals(server());
    if (ours || peers.misleads(theirs, from)) {
      throw new TransferException(
          ErrorCode.REJECT_HANDSHAKE,
          "you call yourself %s, which %s"
              .formatted(
                  quoted(theirs), ours ? "is our own name" : "leads to our machine from here"),
          NAME_REMEDY);
    }
  }

  private RdmaNic nic(String device) {
    for (RdmaNic nic : nics) {
      if (nic.name().equals(device) && !nic.isFailed()) {
        return nic;
      }
    }
    throw refusal("there is no device " + quoted(device) + " here");
  }

  private static TransferException refusal(String why) {
    return new TransferException(ErrorCode.REJECT_HANDSHAKE, why, "Ask for our descriptor again");
  }

  private static HandshakeDescriptor acknowledged(RdmaNic nic, HandshakeDescriptor request) {
    RdmaEndpoint endpoint =
        nic.endpoints()
            .find(request.localNicPath())
            .filter(known -> known.peerNumbers().equals(request.qpNums()))
            .orElseThrow(() -> refusal("these queue pairs are not connected here"));
    endpoint.acknowledged();
    endpoint.sender().ifPresent(RdmaEndpoint.Sender::acknowledged);
    return HandshakeDescriptor.EMPTY;
  }

  /** {@return the descriptor of a peer whose message has no GID} */
  private SegmentDescriptor callBack(InetAddress from, String server) {
    Optional<SegmentDescriptor> there =
        known.get().stream().filter(each -> serverOf(each).equals(server)).findFirst();
    if (there.isPresent()) {
      return there.get();
    }
    if (!peers.leadsTo(server, from)) {
      throw refusal(
          "the message has no local_gid, and %s does not lead to %s, which sent it"
              .formatted(quoted(server), from.getHostAddress()));
    }
    if (!callBacks.take(from)) {
      throw refusal("too many peers without local_gid are being asked for their descriptors");
    }
    try {
      return peers.describe(server, TIMEOUT);
    } finally {
      callBacks.giveBack(from);
    }
  }

  /**
   * Refuses a message with new queue pair numbers while the old queue pairs still answer. If the
   * peer had made new queue pairs, the old ones would not answer: so the message is not from the
   * peer.
   */
  private static void requireGone(RdmaEndpoint known, HandshakeDescriptor request) {
    if (known.awaitState() != RdmaEndpoint.State.CONNECTED
        || known.peerNumbers().equals(request.qpNums())
        || !known.device().isUsable()) {
      return;
    }
    boolean answers;
    try {
      answers = known.probe().get(PROBE_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      answers = false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      answers = true;
    }
    if (answers) {
      throw refusal("the queue pairs that this NIC is connected to still answer");
    }
  }

  private RdmaEndpoint connectedTo(RdmaNic nic, PeerIdentity from, HandshakeDescriptor request) {
    NicPath theirs = NicPath.parse(request.localNicPath());
    nic.endpoints().find(request.localNicPath()).ifPresent(known -> requireGone(known, request));
    // First of all: this may have to ask the peer.
    PeerPort port = port(request, () -> callBack(from.address(), theirs.server()), theirs.device());
    boolean waits = request.readyAck().isPresent();
    for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
      RdmaEndpoint endpoint =
          threads.call(
              () -> nic.endpoints().getOrCreateFor(from.address(), request.localNicPath()));
      try {
        if (connectOrCompare(endpoint, port, request.qpNums(), waits, List.of(from))) {
          return endpoint;
        }
      } catch (NativeCallException e) {
        discard(nic, endpoint, String.valueOf(e.getMessage()));
        throw new TransferException(
            ErrorCode.ENDPOINT,
            "%s cannot be connected to %s: %s"
                .formatted(nic.name(), quoted(request.localNicPath()), e.getMessage()),
            "Is there a route between the two devices?",
            e);
      } catch (Throwable t) {
        discard(nic, endpoint, String.valueOf(t.getMessage()));
        throw t;
      }
      log.debug("{} has made new queue pairs", request.localNicPath());
      discard(nic, endpoint, "the peer has made new queue pairs");
    }
    throw refusal("another message of the same NIC was faster");
  }
}
