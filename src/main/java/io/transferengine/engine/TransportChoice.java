// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static io.transferengine.config.TransportPolicy.shown;

import io.transferengine.config.TransportPolicy;
import io.transferengine.events.EngineEvent;
import io.transferengine.events.EngineHealth;
import io.transferengine.logging.LogKeys;
import io.transferengine.logging.Printable;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.SegmentDescriptor;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The errors and warnings when an engine or a transfer cannot use the best transport. That is never
 * silent: it is refused, or there is one warning with the cause, and a counter. Thread-safe once
 * the engine is open.
 */
final class TransportChoice {
  private static final Logger log = LoggerFactory.getLogger(TransportChoice.class);

  /** Peers whose warning is remembered; beyond it, all may be named again. */
  private static final int WARNED_LIMIT = 4096;

  private static final String NAME_REMEDY =
      "Give it a host name that leads to it from everywhere (the first argument of initialize)";

  private final List<String> ranked;
  private final String protocol;
  private final EngineMetrics metrics;

  /** The absent transports that were not reported yet, best first. */
  private final List<Absent> absent = new ArrayList<>();

  private final Set<String> warned = new HashSet<>();

  /** What was missing when the engine opened. */
  private final List<EngineHealth.Problem> problems = new CopyOnWriteArrayList<>();

  /** A transport that is preferred but cannot be used. */
  private record Absent(
      String name, TransportPolicy policy, String cause, @Nullable TransferException thrown) {}

  /**
   * Nothing is missed yet.
   *
   * @param ranked the names of all transports that are built in, best first
   * @param protocol the engine's protocol
   */
  TransportChoice(List<String> ranked, String protocol, EngineMetrics metrics) {
    this.ranked = List.copyOf(ranked);
    this.protocol = protocol;
    this.metrics = metrics;
  }

  // ---- when the engine opens

  /**
   * A transport cannot be used, or did not start.
   *
   * @param thrown why it did not start, if it was started
   * @throws TransferException DEVICE_NOT_FOUND if it is required
   */
  void isAbsent(
      String name, TransportPolicy policy, String cause, @Nullable TransferException thrown) {
    if (policy.isRequired()) {
      int next = ranked.indexOf(name) + 1;
      throw exception(
          ErrorCode.DEVICE_NOT_FOUND,
          policy.requiredText(name) + " and cannot be used: " + cause,
          "Drop the requirement"
              + (next < ranked.size() ? ", or ask for '" + ranked.get(next) + "'" : ""),
          thrown);
    }
    if (!policy.missed()) {
      log.info("{} is not used: {}.", shown(name), cause);
      return;
    }
    absent.add(new Absent(name, policy, cause, thrown));
    absent.sort(Comparator.comparingInt(each -> ranked.indexOf(each.name)));
  }

  /** Warns that a transport is used instead of better ones that are absent. */
  void isTakenInstead(String taken) {
    int rank = ranked.indexOf(taken);
    for (Absent missed : List.copyOf(absent)) {
      if (ranked.indexOf(missed.name) < rank) {
        absent.remove(missed);
        metrics.happened(
            EngineEvent.Kind.FALLBACK, Counter.TCP_CHOSEN_OVER_RDMA, taken, "", missed.cause);
        problems.add(
            new EngineHealth.Problem(
                "%s is used, although protocol '%s' prefers %s: %s"
                    .formatted(shown(taken), protocol, shown(missed.name), missed.cause),
                "Provide what is missing (./te doctor says more), or ask for protocol '%s' if that is"
                        .formatted(taken)
                    + " intended"));
        log.warn(
            "Using {}, although protocol '{}' prefers {}: {}. Ask for protocol '{}' if that is"
                + " intended{}.",
            shown(taken),
            protocol,
            shown(missed.name),
            missed.cause,
            taken,
            refusesInstead(missed.policy));
      }
    }
  }

  /** {@return which transports are missed, and why} */
  List<EngineHealth.Problem> problems() {
    return problems;
  }

  /** {@return why an engine without any transport cannot be opened} */
  TransferException noneIsLeft() {
    String remedy = "Provide what is missing, or ask for another protocol";
    if (absent.isEmpty()) {
      return new TransferException(ErrorCode.NOT_IMPLEMENTED, "No transport is built in", remedy);
    }
    Absent first = absent.getFirst();
    if (absent.size() == 1 && first.thrown != null) {
      return first.thrown;
    }
    StringBuilder text = new StringBuilder(shown(first.name) + " cannot be used: " + first.cause);
    for (Absent other : absent.subList(1, absent.size())) {
      text.append("; nor can ").append(shown(other.name)).append(": ").append(other.cause);
      remedy = "Provide what one of them lacks; ./te doctor says more";
    }
    return exception(ErrorCode.NOT_IMPLEMENTED, text.toString(), remedy, first.thrown);
  }

  // ---- when memory is registered

  /**
   * Memory is registered with other transports only. It is said once for a transport, kinds of
   * memory and an error.
   *
   * @param name of the transport that cannot take it
   * @param taken the best of the others
   * @param kinds of the memory
   */
  void goesWithout(String name, String taken, String kinds, TransferException why) {
    String cause = String.valueOf(why.getMessage());
    if (ranked.indexOf(taken) > ranked.indexOf(name)) {
      metrics.happened(EngineEvent.Kind.FALLBACK, Counter.TCP_CHOSEN_OVER_RDMA, taken, "", cause);
    }
    synchronized (warned) {
      if (warned.size() >= WARNED_LIMIT) {
        warned.clear();
      }
      if (!warned.add(name + " " + kinds + " " + why.code())) {
        return;
      }
    }
    log.warn(
        "Memory is registered without {}, and {} moves it, now and later: {}",
        shown(name),
        shown(taken),
        Printable.of(cause, 1000));
  }

  // ---- when a peer is found

  /**
   * A peer is reached, but not over the best transport that runs here.
   *
   * @param taken the one that reaches the peer
   * @param missed a better one
   * @param name the peer's name for itself, if that keeps the better one from being used
   * @throws TransferException METADATA if the better one is required
   */
  void isReachedOver(
      String taken,
      SegmentDescriptor peer,
      String missed,
      TransportPolicy policyOfMissed,
      Optional<String> name) {
    String cause =
        name.map(own -> isMisnamed(own, missed)).orElseGet(() -> "it has no " + shown(missed))
            + " and is reached over "
            + shown(taken);
    String remedy =
        name.isPresent()
            ? NAME_REMEDY
            : "Start that peer with "
                + shown(missed)
                + " if it should have it (./te doctor says what it lacks)";
    if (policyOfMissed.isRequired()) {
      throw TransferException.withPeer(
          peer.name(),
          ErrorCode.METADATA,
          cause + ", while " + policyOfMissed.requiredText(missed),
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
    metrics.happened(
        EngineEvent.Kind.FALLBACK, Counter.TCP_CHOSEN_OVER_RDMA, taken, peer.name(), cause);
    LogKeys.peer(peer.name())
        .cause(cause)
        .with("transport", taken)
        .on(log.atWarn())
        .log(
            "{}: {}. {}{}.",
            Printable.of(peer.name(), 300),
            cause,
            remedy,
            refusesInstead(policyOfMissed));
  }

  /** {@return why a peer is not reached that would be reached under another name} */
  static TransferException misnamed(SegmentDescriptor peer, String name, String transport) {
    return TransferException.withPeer(
        peer.name(), ErrorCode.METADATA, isMisnamed(name, transport), NAME_REMEDY, null);
  }

  private static String isMisnamed(String name, String transport) {
    return "it calls itself "
        + Printable.of(name, 300)
        + ", which leads to this machine from here, so it cannot be distinguished from others over "
        + shown(transport);
  }

  // ---- words

  private static String refusesInstead(TransportPolicy policy) {
    return policy
        .requirement()
        .map(option -> "; " + option.builderName() + " refuses it instead")
        .orElse("");
  }

  private static TransferException exception(
      ErrorCode code, String message, String remedy, @Nullable TransferException cause) {
    return Optional.ofNullable(cause)
        .map(thrown -> new TransferException(code, message, remedy, thrown))
        .orElseGet(() -> new TransferException(code, message, remedy));
  }
}
