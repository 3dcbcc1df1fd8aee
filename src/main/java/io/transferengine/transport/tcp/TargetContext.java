// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.Channel;
import io.transferengine.logging.LogKeys;
import io.transferengine.logging.SystemError;
import io.transferengine.logging.WarnLimiter;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.transport.AccessControl;
import io.transferengine.transport.Incarnations;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What the connections to a data port share. Thread-safe. */
final class TargetContext {
  private static final Logger log = LoggerFactory.getLogger(TargetContext.class);

  private final RegionTable regions;
  private final EngineMetrics metrics;
  private final AccessControl access;
  private final TcpOptions options;
  private final Supplier<String> incarnation;
  private final DeviceStaging staging;
  private final WarnLimiter rateLimited = new WarnLimiter(log);
  private volatile int zeroCopyBytes;

  TargetContext(
      RegionTable regions,
      EngineMetrics metrics,
      AccessControl access,
      TcpOptions options,
      Supplier<String> incarnation,
      DeviceStaging staging) {
    this.regions = regions;
    this.metrics = metrics;
    this.access = access;
    this.options = options;
    this.zeroCopyBytes = options.zeroCopyBytes();
    this.incarnation = incarnation;
    this.staging = staging;
  }

  RegionTable regions() {
    return regions;
  }

  EngineMetrics metrics() {
    return metrics;
  }

  AccessControl access() {
    return access;
  }

  /** {@return what moves the bytes of device memory} */
  DeviceStaging staging() {
    return staging;
  }

  /** {@return what tells our engine from others, as a frame says it} */
  long incarnation() {
    return Incarnations.number(incarnation.get()).orElseThrow();
  }

  /** {@return how long what is under way may stand still} */
  long stallNanos() {
    return TimeUnit.SECONDS.toNanos(options.inboundStallSeconds());
  }

  /** {@return how long a new connection may ask for nothing} */
  long silenceNanos() {
    return TimeUnit.SECONDS.toNanos(options.inboundSilenceSeconds());
  }

  /** {@return from how many bytes on new connections send without a copy; 0 for never} */
  int zeroCopyBytes() {
    return zeroCopyBytes;
  }

  /** The system refused to send. If it was for want of a copy, new connections copy. */
  void sendingFailed(Channel channel, Throwable cause) {
    if (zeroCopyBytes > 0
        && IoBackend.sendsWithoutCopy(channel)
        && LocalFaults.isZeroCopyRefused(cause)) {
      zeroCopyBytes = 0;
      warn(
          channel,
          "the system did not send %d bytes or more without copying them (%s). From now on this"
                  .formatted(options.zeroCopyBytes(), SystemError.text(cause))
              + " engine copies what new connections read, as with TE_TCP_ZERO_COPY_BYTES=0. It"
              + " needs locked memory: ulimit -l unlimited, or LimitMEMLOCK= of the service");
    }
  }

  /** Something of a peer's is not as it was sent. */
  void damaged(Channel channel, String what) {
    metrics.increment(Counter.INBOUND_CHECKSUM_MISMATCHES);
    rateLimited.warn(
        "Data connection of "
            + channel.remoteAddress()
            + ": a wrong checksum of "
            + what
            + ". Look for bad memory or a bad network device on either machine or between them,"
            + " and for threads of the peer that change memory while it is sent",
        LogKeys.peer(channel.remoteAddress()).cause("checksum"));
  }

  /** One of a peer's doings that ends its connection. */
  void warn(Channel channel, String what) {
    rateLimited.warn(
        "Data connection of " + channel.remoteAddress() + " closed: " + what,
        LogKeys.peer(channel.remoteAddress()).cause(what));
  }
}
