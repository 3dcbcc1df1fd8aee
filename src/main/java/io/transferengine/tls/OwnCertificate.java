// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import io.transferengine.config.Settings;
import io.transferengine.config.TlsOptions;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An engine's certificate, read again when its files change. Says when it will expire soon: as it
 * is read, and then once a day. Thread-safe.
 */
final class OwnCertificate {
  private static final Logger log = LoggerFactory.getLogger(OwnCertificate.class);

  /** Often enough for whoever looks at a day's log, and no more than a line of it. */
  static final Duration REMIND_AFTER = Duration.ofDays(1);

  private record Read(TlsMaterial material, TlsSetup setup) {}

  /** What was said last, of which certificate. */
  private record Said(TlsMaterial of, Instant at) {}

  private final Settings settings;
  private final InstantSource clock;
  private final WatchedFiles<Read> files;
  private Optional<Said> said = Optional.empty();

  /** For {@link #read}, which never runs twice at once. */
  private Optional<TlsSetup> latest = Optional.empty();

  /**
   * Reads it.
   *
   * @throws io.transferengine.transfer.ConfigurationException for what is wrong with the files
   */
  OwnCertificate(Settings settings, InstantSource clock) {
    this.settings = settings;
    this.clock = clock;
    files =
        new WatchedFiles<>(
            "certificate files have",
            TlsOptions.FILES.stream().map(settings::get).toList(),
            this::read);
    remind();
  }

  private Read read() {
    TlsMaterial material = TlsMaterial.of(settings, clock.instant());
    TlsSetup setup =
        latest
            .map(before -> TlsSetup.after(before, material))
            .orElseGet(() -> TlsSetup.of(material));
    latest = Optional.of(setup);
    return new Read(material, setup);
  }

  /** {@return the TLS of the last files that were good} */
  TlsSetup setup() {
    return files.current().setup;
  }

  /** Reads the files again if they have changed, and reminds of the end. Waits for the disk. */
  void refresh() {
    files.refresh();
    remind();
  }

  private synchronized void remind() {
    TlsMaterial material = files.current().material;
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
