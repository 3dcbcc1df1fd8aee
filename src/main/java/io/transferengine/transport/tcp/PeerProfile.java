// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.events.EngineEvent;
import io.transferengine.logging.SystemError;
import io.transferengine.logging.WarnLimiter;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.tls.PeerTls;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.SegmentDescriptor;
import java.net.InetSocketAddress;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What is known of a peer's data port, and the limits of the lanes to it. Thread-safe. */
final class PeerProfile {
  private static final Logger log = LoggerFactory.getLogger(PeerProfile.class);

  /** Ranges out on one lane, in vectored requests: 4 MiB of 4 KiB blocks, and 60 KiB of columns. */
  private static final int RANGES_PER_LANE = 1024;

  private final String name;
  private final WireForm form;
  private final TcpOptions options;
  private final EngineMetrics metrics;
  private final PeerTls tls;
  private final WarnLimiter faults = new WarnLimiter(log);
  private final AtomicInteger connections = new AtomicInteger();
  private final int laneCount;
  private final int requestsPerLane;
  private volatile ConnectionReuse connectionReuse;

  PeerProfile(String name, WireForm form, TcpOptions options, EngineMetrics metrics, PeerTls tls) {
    this.tls = tls;
    this.name = name;
    this.form = form;
    this.options = options;
    this.metrics = metrics;
    this.laneCount = Math.min(options.lanesPerPeer(), options.requestsOnWireLimit());
    this.requestsPerLane = options.requestsOnWireLimit() / laneCount;
    // Version 1 writes on one connection need a read behind them that confirms them.
    boolean mayPipeline = form.version2() || requestsPerLane > WriteConfirmation.PLACES;
    this.connectionReuse =
        options.connectionPool() && mayPipeline
            ? ConnectionReuse.UNKNOWN
            : ConnectionReuse.SINGLE_USE;
  }

  String name() {
    return name;
  }

  boolean isVersion2() {
    return form.version2();
  }

  /** {@return whether it announced vectored requests} */
  boolean takesVectors() {
    return form.vectors();
  }

  /** {@return whether all that goes to it and comes from it has checksums} */
  boolean isChecked() {
    return form.checked();
  }

  /** {@return what its data port is asked for first; empty when it does not answer that} */
  OptionalLong incarnation() {
    return form.incarnation();
  }

  EngineMetrics metrics() {
    return metrics;
  }

  /** {@return a number for one more connection, from 0 up} */
  int nextConnection() {
    return connections.getAndIncrement() & Integer.MAX_VALUE;
  }

  /** A data connection to it is open. */
  void isOpen() {
    happened(EngineEvent.Kind.PATH_UP, Counter.CONNECTIONS_OPENED, "a data connection is open");
  }

  /** A data connection to it was lost. */
  void isLost(TransferException failure) {
    happened(EngineEvent.Kind.PATH_DOWN, Counter.CONNECTIONS_LOST, failure);
  }

  /** One that was open has ended for a reason, which may be that it was lost. */
  void hasEnded(ConnectionEnd.Reason reason, TransferException why) {
    switch (reason) {
      case LOST, PROTOCOL, NONE -> {} // It is counted as such.
      case RENEWED, REJECTED, ABORTED, IDLE, DAMAGED, FAULT, ANOTHER, SHUTDOWN, OUTDATED ->
          hasEnded(why);
    }
  }

  /** One has ended as it should. */
  void hasEnded(TransferException why) {
    happened(EngineEvent.Kind.PATH_DOWN, Counter.CONNECTIONS_ENDED, why);
  }

  private void happened(EngineEvent.Kind kind, Counter counter, Object what) {
    metrics.happened(kind, counter, SegmentDescriptor.TCP, name, what);
  }

  /** {@return where faults of this process are told that transfers with it came upon} */
  WarnLimiter faults() {
    return faults;
  }

  /** {@return with whom connections are encrypted} */
  PeerTls tls() {
    return tls;
  }

  long connectTimeoutMillis() {
    return TimeUnit.SECONDS.toMillis(options.connectTimeoutSeconds());
  }

  ConnectionReuse connectionReuse() {
    return connectionReuse;
  }

  /** Notes the peer's habit; what is known stays. */
  void learnt(ConnectionReuse habit) {
    if (connectionReuse == ConnectionReuse.UNKNOWN) {
      connectionReuse = habit;
    }
  }

  int laneCount() {
    return laneCount;
  }

  /** {@return the most requests out on one lane} */
  int requestsPerLane() {
    return requestsPerLane;
  }

  /** {@return the most bytes of requests out on one lane} */
  long laneWindowBytes() {
    return options.laneWindowBytes();
  }

  /**
   * {@return the power of two that holds {@link #requestsPerLane()}, and {@link #RANGES_PER_LANE}
   * towards a peer that takes vectored requests}
   */
  int ringCapacity() {
    int most = takesVectors() ? Math.max(requestsPerLane, RANGES_PER_LANE) : requestsPerLane;
    return Integer.highestOneBit(2 * most - 1);
  }

  TransferException cannotConnect(InetSocketAddress address, Throwable cause) {
    if (cause instanceof TransferException known) {
      return known;
    }
    String what = "cannot connect to its data port at " + address;
    if (cause instanceof OutOfMemoryError) {
      return LocalFaults.outOfMemory(name, what, cause);
    }
    return TransferException.withPeer(
        name,
        ErrorCode.SOCKET,
        what + ": " + SystemError.text(cause),
        SystemError.remedy(cause, "Is the peer running and reachable?"),
        cause);
  }

  /**
   * {@return what to say when the other side of a connection is not accepted, or does not accept}
   */
  TransferException notSecured(InetSocketAddress address, Throwable cause) {
    return TransferException.withPeer(
        name,
        ErrorCode.SOCKET,
        "there is no TLS connection to its data port at %s: %s"
            .formatted(address, tls.gaveUp(name, cause)),
        "",
        cause);
  }

  /** {@return the same, for what an exchange of tokens has come to} */
  TransferException notProved(InetSocketAddress address, Throwable cause) {
    return TransferException.withPeer(
        name,
        ErrorCode.SOCKET,
        "its data port at %s: %s".formatted(address, tls.token().gaveUp(name, cause)),
        "",
        cause);
  }

  @Override
  public String toString() {
    return name
        + ", version "
        + (isVersion2() ? 2 : 1)
        + (isChecked() ? ", checked, " : ", ")
        + connectionReuse;
  }
}
