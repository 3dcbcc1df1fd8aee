// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import io.transferengine.config.Settings;
import io.transferengine.config.TlsOptions;
import java.time.InstantSource;
import java.util.Optional;

/**
 * An engine's certificate, read again when its files change. Says when it will expire soon: as it
 * is read, and then once a day. Thread-safe.
 */
final class OwnCertificate {
  private record Read(TlsMaterial material, TlsSetup setup) {}

  private final Settings settings;
  private final InstantSource clock;
  private final WatchedFiles<Read> files;
  private final ExpiryReminder reminder;

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
    reminder = new ExpiryReminder(clock);
    files =
        new WatchedFiles<>(
            "certificate files have",
            TlsOptions.FILES.stream().map(settings::get).toList(),
            this::read);
    reminder.remind(files.current().material);
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
    reminder.remind(files.current().material);
  }
}
