// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import java.time.Duration;
import java.util.Locale;
import java.util.Optional;

/**
 * What an engine makes of one of its transports. Transports do not decide this themselves.
 *
 * @param use whether it is used
 * @param fallBackAfter how long transfers to a peer may be without a way over it before they go
 *     over to another transport that reaches the peer; zero for never
 * @param requirement the option that makes it required, if there is one; errors and warnings name
 *     it
 */
public record TransportPolicy(
    Use use, Duration fallBackAfter, Optional<Option<Boolean>> requirement) {

  /** Whether a transport is used. */
  public enum Use {
    /** It is not started. */
    NEVER,
    /** It is used where both sides have it, and others are where they do not. */
    WHERE_POSSIBLE,
    /** The engine does not open without it, and no transfer goes over a lesser one. */
    REQUIRED
  }

  /** What holds for a transport that no option speaks of. */
  public static final TransportPolicy DEFAULT =
      new TransportPolicy(Use.WHERE_POSSIBLE, Duration.ZERO, Optional.empty());

  TransportPolicy never() {
    return new TransportPolicy(Use.NEVER, fallBackAfter, requirement);
  }

  /** {@return whether it is required} */
  public boolean isRequired() {
    return use == Use.REQUIRED;
  }

  /** {@return that a transport of this policy is required, and by which option; for a sentence} */
  public String requiredText(String transport) {
    return shown(transport)
        + " is required"
        + requirement.map(option -> " (" + option.environmentName() + ")").orElse("");
  }

  /** {@return what a transport is called in a sentence, such as RDMA} */
  public static String shown(String transport) {
    return transport.toUpperCase(Locale.ROOT);
  }
}
