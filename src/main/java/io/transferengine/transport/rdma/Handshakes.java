// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.logging.Printable;
import io.transferengine.metadata.DeviceDescriptor;
import io.transferengine.metadata.HandshakeDescriptor;
import io.transferengine.metadata.SegmentDescriptor;
import io.transferengine.topology.Gid;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.PeerLink;
import io.transferengine.verbs.VerbsException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Pairs queue pairs with a peer's, in either role (protocol sections 5.3 and 5.4).
 *
 * <p><b>One endpoint for both roles.</b> It is found by the device and the peer's NIC path, whoever
 * asks. So two sides that ask each other at once talk about the same queue pairs: whichever message
 * comes first connects them, the other finds them connected to the numbers that it names.
 *
 * <p><b>Two rounds.</b> The side that is asked has its queue pairs ready before it answers, the
 * side that asks only afterwards. If the one that is asked sent at once, its first packets would be
 * dropped and sent again 67 ms later. A peer that knows the second round ({@code ready_ack} is in
 * its message) is therefore told when ours are ready, and tells us; towards a peer that does not,
 * one round has to do.
 *
 * <p><b>The same again.</b> A message with the queue pair numbers that we are connected to gets the
 * same answer. Other numbers mean that the peer has made new ones: ours are closed, and new ones
 * take their place.
 *
 * <p>Methods block, while the peer answers and while queue pairs change state. Thread-safe.
 */
final class Handshakes {
  private static final Logger log = LoggerFactory.getLogger(Handshakes.class);

  /** C++ peers serve one handshake at a time, each for up to 5 s when a client is slow. */
  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  /** The other side may make new queue pairs while we talk; once more then, as in C++. */
  private static final int ATTEMPTS = 2;

  private static final int QUOTED_LENGTH_MAX = 200;

  /** For names without a port, which only stand for an address on a metadata server. */
  private static final int ANY_PORT = 12_001;

  private final List<RdmaNic> nics;
  private final RdmaSettings settings;
  private final PeerLink peers;
  private final ControlThreads threads;

  Handshakes(List<RdmaNic> nics, RdmaSettings settings, PeerLink peers, ControlThreads threads) {
    this.nics = nics;
    this.settings = settings;
    this.peers = peers;
    this.threads = threads;
  }

  /** {@return what stands for us in NIC paths} */
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
   * @throws TransferException when the peer cannot be asked or refuses
   * @throws VerbsException when our queue pairs cannot be connected to its
   */
  RdmaEndpoint connect(RdmaNic nic, SegmentDescriptor segment, String device) {
    String peerPath = new NicPath(serverOf(segment), device).toString();
    for (int attempt = 1; ; attempt++) {
      RdmaEndpoint endpoint = threads.call(() -> nic.endpoints().getOrCreate(peerPath));
      try {
        if (ask(endpoint, segment, device)) {
          return endpoint;
        }
      } catch (TransferException | VerbsException e) {
        endpoint.worker().close(endpoint, String.valueOf(e.getMessage()));
        nic.endpoints().remove(endpoint);
        throw e;
      }
      endpoint.worker().close(endpoint, "the peer has made new queue pairs");
      nic.endpoints().remove(endpoint);
      if (attempt == ATTEMPTS) {
        throw TransferException.withPeer(
            segment.name(),
            ErrorCode.REJECT_HANDSHAKE,
            "it answers for other queue pairs than ours are connected to",
            "Does another process use the same name?",
            null);
      }
    }
  }

  /** {@return whether the endpoint is connected to what the peer names} */
  private boolean ask(RdmaEndpoint endpoint, SegmentDescriptor segment, String device) {
    if (endpoint.state() == RdmaEndpoint.State.CONNECTED) {
      return true;
    }
    RdmaNic nic = endpoint.nic();
    String ourPath = new NicPath(server(), nic.name()).toString();
    if (ourPath.equals(endpoint.peerPath())) {
      PeerPort ourselves = new PeerPort(nic.gid().gid(), nic.port().lid(), 0);
      return connectOrCompare(endpoint, ourselves, endpoint.numbers(), false);
    }
    HandshakeDescriptor message = message(endpoint, ourPath).withReadyAck(Optional.of(false));
    HandshakeDescriptor reply = peers.connect(segment.name(), message, TIMEOUT);
    requirePaths(segment.name(), reply, endpoint.peerPath(), ourPath);
    requireCount(segment.name(), reply.qpNums().size());
    PeerPort port = port(reply, () -> segment, device);
    if (!connectOrCompare(endpoint, port, reply.qpNums(), false)) {
      return false;
    }
    if (reply.readyAck().isPresent()) {
      HandshakeDescriptor ready = message.withReadyAck(Optional.of(true));
      var _ = peers.connect(segment.name(), ready, TIMEOUT);
    }
    endpoint.acknowledged();
    return true;
  }

  /**
   * Connects, unless another message of the same peer has done so already; {@return whether the
   * endpoint is connected to those queue pairs}
   *
   * @param waits whether the peer will say when it is ready
   */
  private boolean connectOrCompare(
      RdmaEndpoint endpoint, PeerPort peer, List<Long> theirs, boolean waits) {
    return threads.call(
        () -> {
          synchronized (endpoint) {
            return switch (endpoint.state()) {
              case NEW -> {
                endpoint.connect(peer, theirs, waits);
                yield true;
              }
              case WAITING_FOR_ACK, CONNECTED -> endpoint.peerNumbers().equals(theirs);
              case CLOSING, CLOSED -> false;
            };
          }
        });
  }

  private HandshakeDescriptor message(RdmaEndpoint endpoint, String ourPath) {
    RdmaNic nic = endpoint.nic();
    return new HandshakeDescriptor(
            ourPath,
            endpoint.peerPath(),
            endpoint.numbers(),
            nic.port().lid(),
            nic.gid().gid().text())
        .withActiveMtuBytes(nic.port().activeMtuBytes());
  }

  private static void requirePaths(
      String peer, HandshakeDescriptor reply, String theirs, String ours) {
    if (!reply.localNicPath().equals(theirs) || !reply.peerNicPath().equals(ours)) {
      throw TransferException.withPeer(
          peer,
          ErrorCode.REJECT_HANDSHAKE,
          "asked for %s to %s, it answers for %s to %s"
              .formatted(ours, theirs, quoted(reply.peerNicPath()), quoted(reply.localNicPath())),
          "It may have no RDMA, or another process answers there",
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

  private interface Segments {
    SegmentDescriptor get();
  }

  /** A peer before v0.3.11 does not say in the handshake where it is; its descriptor does. */
  private static PeerPort port(HandshakeDescriptor theirs, Segments segment, String device) {
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
        "Restart it: its record does not fit what it says in the handshake",
        null);
  }

  private static Gid gid(String peer, String text) {
    return Gid.parse(text)
        .orElseThrow(
            () ->
                TransferException.withPeer(
                    quoted(peer),
                    ErrorCode.REJECT_HANDSHAKE,
                    quoted(text) + " is no GID",
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
   * @throws TransferException whose text refuses
   */
  HandshakeDescriptor answer(HandshakeDescriptor request) {
    NicPath asked = NicPath.parse(request.peerNicPath());
    RdmaNic nic = nic(asked.device());
    if (!asked.server().equals(server())) {
      throw refusal(
          "the message is for %s, we are %s"
              .formatted(quoted(request.peerNicPath()), new NicPath(server(), nic.name())));
    }
    if (NicPath.parse(request.localNicPath()).device().isEmpty()) {
      throw refusal(quoted(request.localNicPath()) + " is no NIC path");
    }
    boolean acknowledges = request.readyAck().orElse(false);
    if (acknowledges) {
      return acknowledged(nic, request);
    }
    requireCount(quoted(request.localNicPath()), request.qpNums().size());
    RdmaEndpoint endpoint = connectedTo(nic, request);
    HandshakeDescriptor reply = message(endpoint, asked.toString());
    return request.readyAck().isPresent() ? reply.withReadyAck(Optional.of(false)) : reply;
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
    endpoint.path().ifPresent(RdmaPath::hurry);
    return HandshakeDescriptor.EMPTY;
  }

  private RdmaEndpoint connectedTo(RdmaNic nic, HandshakeDescriptor request) {
    NicPath theirs = NicPath.parse(request.localNicPath());
    // Asked before anything is locked: the peer may have to be asked back.
    PeerPort port = port(request, () -> peers.describe(theirs.server(), TIMEOUT), theirs.device());
    boolean waits = request.readyAck().isPresent();
    for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
      RdmaEndpoint endpoint =
          threads.call(() -> nic.endpoints().getOrCreate(request.localNicPath()));
      try {
        if (connectOrCompare(endpoint, port, request.qpNums(), waits)) {
          return endpoint;
        }
      } catch (VerbsException e) {
        endpoint.worker().close(endpoint, String.valueOf(e.getMessage()));
        nic.endpoints().remove(endpoint);
        throw new TransferException(
            ErrorCode.ENDPOINT,
            "%s cannot be connected to %s: %s"
                .formatted(nic.name(), quoted(request.localNicPath()), e.getMessage()),
            "Is there a route between the two devices?",
            e);
      }
      log.debug("{} has made new queue pairs", request.localNicPath());
      endpoint.worker().close(endpoint, "the peer has made new queue pairs");
      nic.endpoints().remove(endpoint);
    }
    throw refusal("another message of the same NIC was faster");
  }
}
