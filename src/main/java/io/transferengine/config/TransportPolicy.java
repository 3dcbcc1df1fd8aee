// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import java.time.Duration;
import java.util.Locale;
import java.util.Optional;

/**
 * How an engine uses one of its transports. Transports do not decide this themselves.
 *
 * @param use whether it is used
 * @param fallBackAfter how long transfers to a peer may have no path over it before they move to
 *     another transport that reaches the peer; zero for never
 * @param requirement the option that makes it required, if any; errors and warnings name it
 * @param missed whether somebody should know when a lower-ranked one is used instead
 */
public record TransportPolicy(
    Use use, Duration fallBackAfter, Optional<Option<?>> requirement, boolean missed) {

  /** Whether a transport is used. */
  public enum Use {
    /** It is not started. */
    NEVER,
    /** It is used if both sides have it; otherwise another transport is. */
    WHERE_POSSIBLE,
    /** The engine does not open without it, and no transfer uses a lower-ranked one. */
    REQUIRED
  }

  /** For a transport that no option names. */
  public static final TransportPolicy DEFAULT =
      new TransportPolicy(Use.WHERE_POSSIBLE, Duration.ZERO, Optional.empty(), true);

  TransportPolicy never() {
    return new TransportPolicy(Use.NEVER, fallBackAfter, requirement, missed);
  }

  /** {@return whether it is required} */
  public boolean isRequired() {
    return use == Use.REQUIRED;
  }

  /** {@return the words "... is required" and the option that says so, for a sentence} */
  public String requiredText(String transport) {
    return shown(transport)
        + " is required"
        + requirement.map(option -> " (" + option.environmentName() + ")").orElse("");
  }

  /** {@return a transport's name in a sentence, such as RDMA} */
  public static String shown(String transport) {
    return transport.toUpperCase(Locale.ROOT);
  }
}
