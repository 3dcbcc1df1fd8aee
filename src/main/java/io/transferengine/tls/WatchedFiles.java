// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is read from files, and read again when they change. What is wrong with new files leaves
 * what was read before in use, with one WARN for each change. Thread-safe.
 */
final class WatchedFiles<T> {
  private static final Logger log = LoggerFactory.getLogger(WatchedFiles.class);

  private final String subject;
  private final List<String> files;
  private final Supplier<T> reader;
  private final ReentrantLock looking = new ReentrantLock();
  private List<String> seen;
  private volatile T current;

  /**
   * Reads the files.
   *
   * @param subject what they are, for log lines, with its verb: "token file has"
   * @param reader reads them; throws a {@link TransferException} for what is wrong with them
   * @throws io.transferengine.transfer.ConfigurationException of the reader
   */
  WatchedFiles(String subject, List<String> files, Supplier<T> reader) {
    this.subject = subject;
    this.files = List.copyOf(files);
    this.reader = reader;
    // Before they are read: a change meanwhile is seen later.
    seen = stamps();
    current = reader.get();
  }

  /** {@return what was in the last files that were good} */
  T current() {
    return current;
  }

  /** Reads the files again if one of them is another one, or was written to. Waits for the disk. */
  void refresh() {
    if (!looking.tryLock()) {
      return; // The disk hangs, and another thread waits for it.
    }
    try {
      List<String> now = stamps();
      if (!now.equals(seen)) {
        read();
        // Not before: after a failure of our own, such as a full heap, they are read once more.
        seen = now;
      }
    } finally {
      looking.unlock();
    }
  }

  private void read() {
    try {
      current = reader.get();
      log.info("The {} changed: new connections use what is in there now", subject);
    } catch (TransferException e) {
      log.warn(
          "The {} changed, but cannot be used; connections go on with what was there before: {}",
          subject,
          e.getMessage());
    }
  }

  private List<String> stamps() {
    List<String> stamps = new ArrayList<>();
    for (String file : files) {
      stamps.add(stamp(file));
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
