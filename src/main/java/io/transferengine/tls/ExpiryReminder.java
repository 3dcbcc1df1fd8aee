// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says when a certificate of ours will expire soon: when it is first asked, and then once a day.
 * Thread-safe.
 */
final class ExpiryReminder {
  private static final Logger log = LoggerFactory.getLogger(ExpiryReminder.class);

  /** Often enough for whoever looks at a day's log, and no more than a line of it. */
  static final Duration REMIND_AFTER = Duration.ofDays(1);

  /** What was said last, of which certificate. */
  private record Said(TlsMaterial of, Instant at) {}

  private final InstantSource clock;
  private Optional<Said> said = Optional.empty();

  ExpiryReminder(InstantSource clock) {
    this.clock = clock;
  }

  /** To be called every second or so, with what is in use. */
  synchronized void remind(TlsMaterial material) {
    Instant now = clock.instant();
    boolean lately =
        said.isPresent()
            && said.get().of.equals(material)
            // A clock that was set back must not silence it.
            && Duration.between(said.get().at, now).abs().compareTo(REMIND_AFTER) < 0;
    if (!lately) {
      for (String warning : material.warnings(now)) {
        said = Optional.of(new Said(material, now));
        log.warn(warning);
      }
    }
  }
}
