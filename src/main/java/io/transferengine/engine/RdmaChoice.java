// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.config.Options;
import io.transferengine.config.Settings;
import io.transferengine.metadata.SegmentDescriptor;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.EngineMetrics;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether an engine uses RDMA, decided once when it opens. A choice of TCP where something faster
 * was asked for is never silent: it is refused, or it is one warning with the cause and a counter.
 */
final class RdmaChoice {
  private static final Logger log = LoggerFactory.getLogger(RdmaChoice.class);

  private final String protocol;
  private final boolean required;
  private final EngineMetrics metrics;

  private RdmaChoice(String protocol, boolean required, EngineMetrics metrics) {
    this.protocol = protocol;
    this.required = required;
    this.metrics = metrics;
  }

  static RdmaChoice of(String protocol, Settings settings, EngineMetrics metrics) {
    boolean tcp = protocol.equals("tcp") || settings.get(Options.FORCE_TCP);
    boolean required = settings.get(Options.REQUIRE_RDMA);
    if (tcp && required) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "RDMA is required (TE_REQUIRE_RDMA) and TCP is asked for",
          "Ask for protocol 'rdma', or drop the requirement");
    }
    return new RdmaChoice(tcp ? "tcp" : protocol, required, metrics);
  }

  /**
   * {@return whether RDMA is to be started}
   *
   * @throws TransferException when it is required and impossible
   */
  boolean decide(LocalTopology local) {
    if (protocol.equals("tcp")) {
      return false;
    }
    Optional<String> cause = TransportRegistry.unavailabilityCause(SegmentDescriptor.RDMA);
    if (cause.isEmpty()) {
      cause = local.problem();
    }
    cause.ifPresent(text -> without(text, null));
    return cause.isEmpty();
  }

  /**
   * RDMA was to be started and failed.
   *
   * @throws TransferException when it is required
   */
  void failed(TransferException why) {
    without(String.valueOf(why.getMessage()), why);
  }

  private void without(String cause, @org.jspecify.annotations.Nullable TransferException thrown) {
    if (required) {
      TransferException refusal =
          new TransferException(
              ErrorCode.DEVICE_NOT_FOUND,
              "RDMA is required (TE_REQUIRE_RDMA) and cannot be used: " + cause,
              "Drop the requirement, or ask for 'tcp'");
      if (thrown != null) {
        refusal.initCause(thrown);
      }
      throw refusal;
    }
    metrics.increment(Counter.TCP_CHOSEN_OVER_RDMA);
    log.warn(
        "Using TCP, although protocol '{}' prefers RDMA: {}. Ask for protocol 'tcp' if that is what"
            + " you want; requireRdma refuses it instead.",
        protocol,
        cause);
  }
}
