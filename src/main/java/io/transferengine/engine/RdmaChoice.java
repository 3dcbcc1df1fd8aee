// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.config.Options;
import io.transferengine.config.Settings;
import io.transferengine.logging.Printable;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.EngineMetrics;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.Transport;
import io.transferengine.transport.TransportProvider;
import io.transferengine.wire.SegmentDescriptor;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether an engine uses RDMA, decided once when it opens, and for which peers. A choice of TCP
 * where something faster was asked for is never silent: it is refused, or it is one warning with
 * the cause and a counter. Thread-safe.
 */
final class RdmaChoice {
  private static final Logger log = LoggerFactory.getLogger(RdmaChoice.class);

  /** Peers whose warning is remembered; when there are more, all of them may be named once more. */
  private static final int WARNED_LIMIT = 4096;

  private static final String NAME_REMEDY =
      "Give it a host name that leads to it from everywhere (the first argument of initialize)";

  private final String protocol;
  private final boolean required;
  private final EngineMetrics metrics;
  private final List<TransportProvider> providers;
  private final Set<String> warned = new HashSet<>();

  private RdmaChoice(
      String protocol, boolean required, EngineMetrics metrics, List<TransportProvider> providers) {
    this.protocol = protocol;
    this.required = required;
    this.metrics = metrics;
    this.providers = List.copyOf(providers);
  }

  static RdmaChoice of(
      String protocol,
      Settings settings,
      EngineMetrics metrics,
      List<TransportProvider> providers) {
    boolean tcp = protocol.equals("tcp") || settings.get(Options.FORCE_TCP);
    boolean required = settings.get(Options.REQUIRE_RDMA);
    if (tcp && required) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "RDMA is required (TE_REQUIRE_RDMA) and TCP is asked for",
          "Ask for protocol 'rdma', or drop the requirement");
    }
    return new RdmaChoice(tcp ? "tcp" : protocol, required, metrics, providers);
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
    Optional<String> cause =
        TransportRegistry.unavailabilityCause(providers, SegmentDescriptor.RDMA);
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

  /**
   * {@return the best transport that reaches a peer}
   *
   * @throws TransferException when none does, or when RDMA is required and it is another one
   */
  Transport transportFor(SegmentDirectory.Found found, TransportRegistry transports) {
    SegmentDescriptor peer = found.descriptor();
    boolean withRdma = transports.has(SegmentDescriptor.RDMA);
    Optional<String> misnamed =
        found
            .misleadingName()
            .filter(name -> withRdma)
            .map(
                name ->
                    "it calls itself "
                        + Printable.of(name, 300)
                        + ", which leads to this machine from here, so that it cannot be told from"
                        + " others over RDMA");
    if (misnamed.isPresent() && peer.tcpDataPort() == 0) {
      throw TransferException.withPeer(
          peer.name(), ErrorCode.METADATA, misnamed.get(), NAME_REMEDY, null);
    }
    Transport chosen = transports.select(peer);
    // An engine without RDMA has said so when it opened.
    if (withRdma && !chosen.name().equals(SegmentDescriptor.RDMA)) {
      String over = " and is reached over " + chosen.name().toUpperCase(Locale.ROOT);
      insteadOfRdma(
          peer,
          misnamed.orElse("it has no RDMA") + over,
          misnamed.isPresent()
              ? NAME_REMEDY
              : "Start that peer with RDMA if it should have it (./te doctor says what it lacks)");
    }
    return chosen;
  }

  private void insteadOfRdma(SegmentDescriptor peer, String cause, String remedy) {
    if (required) {
      throw TransferException.withPeer(
          peer.name(),
          ErrorCode.METADATA,
          cause + ", while RDMA is required (TE_REQUIRE_RDMA)",
          remedy + ", or drop the requirement",
          null);
    }
    synchronized (warned) {
      if (warned.size() >= WARNED_LIMIT) {
        warned.clear();
      }
      if (!warned.add(peer.name())) {
        return;
      }
    }
    metrics.increment(Counter.TCP_CHOSEN_OVER_RDMA);
    log.warn(
        "{}: {}. {}; requireRdma refuses it instead.",
        Printable.of(peer.name(), 300),
        cause,
        remedy);
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
    TransportRegistry.unavailabilityCause(providers, SegmentDescriptor.TCP)
        .ifPresent(
            tcp -> {
              TransferException neither =
                  new TransferException(
                      ErrorCode.NOT_IMPLEMENTED,
                      "RDMA cannot be used: " + cause + "; nor can TCP: " + tcp,
                      "Provide what one of them lacks; ./te doctor says more of RDMA");
              if (thrown != null) {
                neither.initCause(thrown);
              }
              throw neither;
            });
    metrics.increment(Counter.TCP_CHOSEN_OVER_RDMA);
    log.warn(
        "Using TCP, although protocol '{}' prefers RDMA: {}. Ask for protocol 'tcp' if that is what"
            + " you want; requireRdma refuses it instead.",
        protocol,
        cause);
  }
}
