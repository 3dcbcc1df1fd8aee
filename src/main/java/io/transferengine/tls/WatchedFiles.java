// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import io.transferengine.config.Option;
import io.transferengine.config.Settings;
import io.transferengine.config.TlsOptions;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;
import javax.net.ssl.SSLContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * TLS from the files that the options name, made anew when they change. What is wrong with new
 * files leaves the old TLS in use, with one WARN for each change. Thread-safe.
 */
final class WatchedFiles {
  private static final Logger log = LoggerFactory.getLogger(WatchedFiles.class);

  private final Settings settings;
  private final ReentrantLock looking = new ReentrantLock();
  private List<String> seen;
  private volatile SSLContext context;

  /**
   * Reads the files.
   *
   * @throws io.transferengine.transfer.ConfigurationException for what is wrong with them
   */
  WatchedFiles(Settings settings) {
    this.settings = settings;
    // Before they are read: a change meanwhile is seen later.
    seen = stamps();
    context = read();
  }

  private SSLContext read() {
    TlsMaterial material = TlsMaterial.of(settings);
    material.warnings(Instant.now()).forEach(log::warn);
    return material.context();
  }

  /** {@return the TLS of the last files that were good} It has no sessions of older ones. */
  SSLContext context() {
    return context;
  }

  /** Reads the files again if one of them is another one, or was written to. Waits for the disk. */
  void refresh() {
    if (!looking.tryLock()) {
      return; // The disk hangs, and another thread waits for it.
    }
    try {
      List<String> now = stamps();
      if (now.equals(seen)) {
        return;
      }
      seen = now;
      context = read();
      log.info("The certificate files have changed: new connections use what is in them now");
    } catch (TransferException e) {
      log.warn(
          "The certificate files have changed, but cannot be used; connections go on with those"
              + " before: {}",
          e.getMessage());
    } finally {
      looking.unlock();
    }
  }

  private List<String> stamps() {
    List<String> stamps = new ArrayList<>();
    for (Option<String> option : TlsOptions.FILES) {
      stamps.add(stamp(settings.get(option)));
    }
    return stamps;
  }

  /** What differs when a file is written to, or is replaced, also behind a link. */
  private static String stamp(String file) {
    try {
      BasicFileAttributes now = Files.readAttributes(Path.of(file), BasicFileAttributes.class);
      return now.lastModifiedTime() + " " + now.size() + " " + Objects.toString(now.fileKey());
    } catch (IOException | RuntimeException e) {
      return e.toString();
    }
  }
}
