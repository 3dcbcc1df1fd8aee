// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.events.EngineEvent;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.net.WaitingThreads;
import io.transferengine.os.NativeCallException;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.PeerLink;
import io.transferengine.wire.SegmentDescriptor;
import java.net.ConnectException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * Opens paths. Each path has a thread of its own, until it is open or not needed any more.
 *
 * <p>A path that has failed before is tested before it is used: a request of no bytes must get
 * through. If a link is down, the peer may still answer handshakes, because they go over TCP.
 * Without the test, such a path would take requests away from paths that work. The peer's
 * descriptor is also asked for again: a peer that was restarted has other keys and another
 * incarnation.
 */
final class PathConnector {
  /** Is notified of changes of peers and of our devices. */
  interface Listener {
    /** A peer was restarted. It must be forgotten, with all that waits for it. */
    void restarted(RdmaPeer peer);

    /** Our descriptor has changed: a device has another GID. */
    void devicesChanged();
  }

  private static final Logger log = LoggerFactory.getLogger(PathConnector.class);

  /** Longer than a queue pair takes to give up (0.6 s with the timers of protocol 9.1). */
  private static final long PROBE_LIMIT_SECONDS = 5;

  /** How long a peer may take to send its descriptor. */
  private static final Duration DESCRIBE_LIMIT = Duration.ofSeconds(5);

  private static final int EINVAL = 22;

  private final Handshakes handshakes;
  private final PeerLink peers;
  private final RdmaSettings settings;
  private final EngineMetrics metrics;
  private final Listener listener;
  private volatile boolean stopped;

  PathConnector(
      Handshakes handshakes,
      PeerLink peers,
      RdmaSettings settings,
      EngineMetrics metrics,
      Listener listener) {
    this.handshakes = handshakes;
    this.peers = peers;
    this.settings = settings;
    this.metrics = metrics;
    this.listener = listener;
  }

  /** From now on no path is opened. */
  void stop() {
    stopped = true;
  }

  /** Starts to open a path, unless it is open or being opened. Does not block. */
  void open(RdmaPeer peer, RdmaPath path) {
    if (stopped || !path.beginConnecting()) {
      return;
    }
    try {
      var _ =
          WaitingThreads.start("te-rdma-connect-" + path.nic().name(), () -> connect(peer, path));
    } catch (Throwable noThread) {
      path.endConnecting(); // Otherwise it would never be tried again.
      throw noThread;
    }
  }

  private void connect(RdmaPeer peer, RdmaPath path) {
    boolean opened = false;
    try {
      opened = untilOpen(peer, path);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      path.endConnecting();
    }
    afterwards(peer, path, opened);
  }

  private void afterwards(RdmaPeer peer, RdmaPath path, boolean opened) {
    if (opened) {
      if (path.endpoint().isEmpty() && peer.isActive()) {
        open(peer, path); // It ended while it still counted as being opened.
      }
    } else if (peer.hasWork()) {
      open(peer, path); // Work came between the last look and now.
    } else {
      peer.rest();
    }
  }

  private boolean untilOpen(RdmaPeer peer, RdmaPath path) throws InterruptedException {
    while (isWanted(peer, path)) {
      try {
        if (path.nic().isUsable() && attempt(peer, path)) {
          return true;
        }
      } catch (RuntimeException | Error e) {
        // A bug of ours, or no memory. The next attempt waits as after any other failure. While the
        // engine closes, the cause is a device that is closed.
        path.attemptFailed();
        logFailed(isWanted(peer, path) ? Level.ERROR : Level.DEBUG, path, e);
      }
      if (!isWanted(peer, path)) {
        break;
      }
      path.backOff();
    }
    return false;
  }

  private static void logFailed(Level level, RdmaPath path, Throwable thrown) {
    try {
      log.atLevel(level).setCause(thrown).log("Opening {} failed", path);
    } catch (Throwable unlogged) {
      // There may be no memory for the text. The next attempt matters more.
    }
  }

  private boolean isWanted(RdmaPeer peer, RdmaPath path) {
    return !stopped && !peer.isClosed() && !path.nic().isFailed() && peer.isActive();
  }

  private boolean attempt(RdmaPeer peer, RdmaPath path) throws InterruptedException {
    String partner = "";
    long beganNanos = System.nanoTime();
    try {
      if (path.isSuspect() && !stillTheSame(peer)) {
        return false;
      }
      List<String> ranked = PartnerRanking.rank(path.nic().device(), peer.descriptor());
      if (ranked.isEmpty()) {
        throw TransferException.withPeer(
            peer.name(),
            ErrorCode.DEVICE_NOT_FOUND,
            "MC_NIC_PEER_AFFINITY allows none of its devices " + peer.buffers().deviceNames(),
            "Correct the rail of " + path.nic().name(),
            null);
      }
      partner = path.nextPartner(ranked);
      RdmaEndpoint endpoint = handshakes.connect(path.nic(), peer.address(), partner);
      if (path.isSuspect()) {
        requireAlive(peer, path, endpoint);
      }
      opened(peer, path, endpoint);
      return path.endpoint().isPresent();
    } catch (NativeCallException e) {
      noRoute(peer, path, partner, e);
    } catch (TransferException e) {
      failed(peer, path, beganNanos, e);
    }
    return false;
  }

  private void opened(RdmaPeer peer, RdmaPath path, RdmaEndpoint endpoint) {
    if (!peer.connected(path, endpoint)) {
      return;
    }
    log.debug("{} is open", path);
    path.nic().device().gidWorks();
    try {
      // First, so that whoever sees a transfer's end sees the number of paths that it took.
      tell(EngineEvent.Kind.PATH_UP, Counter.RDMA_PATHS_CONNECTED, peer, path + " is open");
    } finally {
      peer.pathOpened(path);
    }
  }

  private void tell(EngineEvent.Kind kind, Counter counter, RdmaPeer peer, String what) {
    metrics.happened(kind, counter, SegmentDescriptor.RDMA, peer.name(), what);
  }

  private void requireAlive(RdmaPeer peer, RdmaPath path, RdmaEndpoint endpoint)
      throws InterruptedException {
    boolean alive;
    try {
      alive = endpoint.probe().get(PROBE_LIMIT_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      alive = false;
    }
    if (!alive) {
      endpoint.close("a probe was not answered");
      throw TransferException.withPeer(
          peer.name(),
          ErrorCode.ENDPOINT,
          "no packets get through from " + path.nic().name() + " to " + path.partner(),
          "Are both links up?",
          null);
    }
  }

  /** Asks the peer for its descriptor; false if the peer was restarted. */
  private boolean stillTheSame(RdmaPeer peer) {
    SegmentDescriptor now = peers.describe(peer.name(), DESCRIBE_LIMIT);
    if (!now.incarnation().equals(peer.incarnation())) {
      listener.restarted(peer);
      return false;
    }
    if (now.devices().isEmpty()) {
      throw TransferException.withPeer(
          peer.name(),
          ErrorCode.DEVICE_NOT_FOUND,
          "it has no RDMA devices any more",
          "./te doctor at the peer shows the state of its devices",
          null);
    }
    peer.update(new PeerAddress(now, peer.address().addresses()));
    return true;
  }

  /**
   * Our queue pairs did not connect to the peer's. Mostly there is no route between the devices.
   */
  private void noRoute(RdmaPeer peer, RdmaPath path, String partner, NativeCallException e) {
    log.debug("{}: {}", path, e.getMessage());
    if (e.errno() == EINVAL && path.nic().device().tryNextGid()) {
      listener.devicesChanged();
    } else {
      path.avoid(partner, settings.noRoutePause().toNanos());
    }
    path.attemptFailed();
    peer.attemptFailed(
        TransferException.withDevice(
            path.nic().name(),
            ErrorCode.ENDPOINT,
            "no path to %s of %s: %s".formatted(partner, peer.name(), e.getMessage()),
            "Is there a route between the devices, with the right GIDs (./te doctor) and MTU?",
            e));
    tell(EngineEvent.Kind.PATH_DOWN, Counter.RDMA_PATHS_FAILED, peer, path + ": " + e.getMessage());
  }

  private void failed(RdmaPeer peer, RdmaPath path, long beganNanos, TransferException e) {
    log.debug("{}: {}", path, e.getMessage());
    path.attemptFailed();
    if (isRefusedConnection(e)) {
      peer.gone(beganNanos, e);
    } else if (isAnswer(e)) {
      if (mayHaveNoRoute(e)) {
        path.avoid(path.partner(), settings.noRoutePause().toNanos());
      }
      peer.refused(beganNanos, e);
    } else {
      peer.attemptFailed(e);
    }
    tell(EngineEvent.Kind.PATH_DOWN, Counter.RDMA_PATHS_FAILED, peer, path + ": " + e.getMessage());
  }

  private static boolean isAnswer(TransferException e) {
    return switch (e.code()) {
      case METADATA, REJECT_HANDSHAKE, DEVICE_NOT_FOUND, MALFORMED_JSON, JSON_TOO_LARGE -> true;
      case INVALID_ARGUMENT,
          CANCELED,
          TIMEOUT,
          CLOSED,
          TOO_MANY_REQUESTS,
          ADDRESS_NOT_REGISTERED,
          BATCH_BUSY,
          ADDRESS_OVERLAPPED,
          DNS,
          SOCKET,
          CHECKSUM,
          METADATA_UNAVAILABLE,
          ENDPOINT,
          CONTEXT,
          MEMORY,
          NOT_IMPLEMENTED ->
          false;
    };
  }

  /** A refusal may mean that the peer's queue pairs did not connect to ours. */
  private static boolean mayHaveNoRoute(TransferException e) {
    return e.code() == ErrorCode.METADATA;
  }

  /** The host answers that nothing listens: the peer's process is gone. */
  private static boolean isRefusedConnection(TransferException e) {
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof ConnectException
          && String.valueOf(cause.getMessage()).contains("refused")) {
        return true;
      }
    }
    return false;
  }
}
