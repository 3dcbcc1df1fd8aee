// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import io.transferengine.config.TransportPolicy.Use;
import io.transferengine.transfer.ChecksumMode;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/**
 * What the options say about each transport, by its name. A new transport with its own options gets
 * a line in {@link #asConfigured}; without one it is used where possible.
 */
public final class TransportPolicies {
  /** The one for peers on the same machine, which is beside the protocols: each may use it. */
  private static final String LOCAL = "local";

  private TransportPolicies() {}

  /**
   * {@return the policies, in the order of the names}
   *
   * @param names of the built-in transports, best first
   * @param protocol the best that may be used; empty for the first
   * @throws TransferException INVALID_ARGUMENT if the protocol is not one of the names, or ranks
   *     below a required transport
   */
  public static SequencedMap<String, TransportPolicy> of(
      List<String> names, String protocol, Settings settings) {
    List<String> protocols = names.stream().filter(name -> !name.equals(LOCAL)).toList();
    requireKnown(protocols, protocol);
    Map<String, TransportPolicy> configured = asConfigured(settings);
    String best = bestWanted(protocol, settings);
    // If the protocol is not built in, making the transports reports it.
    boolean reached = !protocols.contains(best);
    SequencedMap<String, TransportPolicy> policies = new LinkedHashMap<>();
    for (String name : names) {
      if (name.equals(LOCAL)) {
        policies.put(name, local(settings));
        continue;
      }
      reached |= name.equals(best);
      TransportPolicy policy = configured.getOrDefault(name, TransportPolicy.DEFAULT);
      if (!reached) {
        requireNotRequired(name, policy, best);
        policy = policy.never();
      } else if (isUncheckedWhereRequired(name, settings)) {
        policy = policy.never();
      }
      policies.put(name, policy);
    }
    return policies;
  }

  /** Nobody misses it at peers elsewhere, which are most. */
  private static TransportPolicy local(Settings settings) {
    Use use =
        switch (settings.get(Options.LOCAL)) {
          case OFF -> Use.NEVER;
          case AUTO -> Use.WHERE_POSSIBLE;
          case REQUIRED -> Use.REQUIRED;
        };
    boolean unchecked = settings.get(Options.CHECKSUM) != ChecksumMode.OFF;
    boolean unwanted = use == Use.WHERE_POSSIBLE && (unchecked || settings.get(Options.FORCE_TCP));
    return new TransportPolicy(
        unwanted ? Use.NEVER : use, Duration.ZERO, Optional.of(Options.LOCAL), false);
  }

  private static Map<String, TransportPolicy> asConfigured(Settings settings) {
    return Map.of(
        "rdma",
        new TransportPolicy(
            settings.get(Options.REQUIRE_RDMA) ? Use.REQUIRED : Use.WHERE_POSSIBLE,
            Duration.ofSeconds(settings.get(RdmaOptions.RDMA_TO_TCP_SECONDS)),
            Optional.of(Options.REQUIRE_RDMA),
            true));
  }

  private static boolean isUncheckedWhereRequired(String name, Settings settings) {
    return name.equals("rdma") && settings.get(Options.CHECKSUM) == ChecksumMode.REQUIRE_CRC32C;
  }

  private static String bestWanted(String protocol, Settings settings) {
    return settings.get(Options.FORCE_TCP) ? "tcp" : protocol;
  }

  private static void requireKnown(List<String> names, String protocol) {
    if (protocol.isEmpty() || names.isEmpty() || names.contains(protocol)) {
      return;
    }
    throw new TransferException(
        ErrorCode.INVALID_ARGUMENT,
        "'" + protocol + "' is not a protocol of this engine",
        "Accepted are '" + String.join("', '", names.reversed()) + "' and '' (the best available)");
  }

  private static void requireNotRequired(String name, TransportPolicy policy, String asked) {
    if (policy.isRequired()) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          policy.requiredText(name) + " and " + TransportPolicy.shown(asked) + " was asked for",
          "Ask for protocol '" + name + "', or drop the requirement");
    }
  }
}
