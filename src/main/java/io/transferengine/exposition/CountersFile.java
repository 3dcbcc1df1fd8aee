// SPDX-License-Identifier: Apache-2.0
package io.transferengine.exposition;

import io.transferengine.config.ExpositionOptions;
import io.transferengine.config.Settings;
import io.transferengine.logging.Printable;
import io.transferengine.logging.SystemError;
import io.transferengine.metrics.MetricsSnapshot;
import io.transferengine.net.WaitingThreads;
import io.transferengine.os.LinuxProcesses;
import io.transferengine.os.Platform;
import io.transferengine.os.Processes;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An engine's figures in a file, for who looks from outside and has nothing of the process: it may
 * hang, or have been killed. The engine writes once a second what its counters hold, less often
 * while nothing happens, so that nothing is done for a block or a transfer.
 *
 * <p>The file has two slots. A record goes into that of the last but one, so one is always whole,
 * also when the process is killed while it writes. It is written, and not mapped: the kernel keeps
 * what was written as it keeps what is mapped, and a full disk or a file that somebody cuts short
 * is an error here, where a mapping would end the process. Thread-safe.
 */
public final class CountersFile implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(CountersFile.class);

  /** Of all engines of this process, which may be hundreds. */
  private static final Executor WRITERS = WaitingThreads.limited("te-figures-", 2);

  /** An engine in which nothing happens writes so much less often: a text costs 1 ms when cold. */
  static final int IDLE_LOOKS = 5;

  private final Path path;
  private final RandomAccessFile file;
  private final CountersRecord.Owner owner;
  private final String segment;
  private final List<String> transports;
  private final Supplier<MetricsSnapshot> figures;
  private final LongSupplier changes;
  private final long openedMillis = System.currentTimeMillis();
  private final AtomicBoolean writing = new AtomicBoolean();

  /** Made before it is needed: a lambda takes memory. */
  private final Runnable refresh = this::refresh;

  // Of the thread that has it refreshed.
  private long seenChanges;
  private int idleLooks;

  // Guarded by this.
  private long number;
  private boolean closed;

  private CountersFile(
      Path path,
      RandomAccessFile file,
      CountersRecord.Owner owner,
      String segment,
      List<String> transports,
      Supplier<MetricsSnapshot> figures,
      LongSupplier changes) {
    this.changes = changes;
    this.path = path;
    this.file = file;
    this.owner = owner;
    this.segment = segment;
    this.transports = List.copyOf(transports);
    this.figures = figures;
  }

  /**
   * {@return a file with its first record; empty if {@code TE_COUNTERS} wants none, or none can be
   * made: an engine does not fail for it}
   *
   * @param segment the engine's name
   * @param transports those that it has
   * @param figures what its counters hold
   * @param changes another number when something was counted; cheap
   */
  public static Optional<CountersFile> open(
      Settings settings,
      String segment,
      List<String> transports,
      Supplier<MetricsSnapshot> figures,
      LongSupplier changes) {
    String wanted = settings.get(ExpositionOptions.COUNTERS);
    if (wanted.equals(ExpositionOptions.NO_COUNTERS)) {
      return Optional.empty();
    }
    try {
      if (!Platform.isLinux()) {
        throw new IOException("this system is not Linux, whose /proc says whose file it is");
      }
      Path folder = wanted.isEmpty() ? CountersFolder.own() : Path.of(wanted);
      return Optional.of(make(folder, new LinuxProcesses(), segment, transports, figures, changes));
    } catch (Exception e) {
      String why = Printable.of(SystemError.text(e), 1000);
      if (wanted.isEmpty()) {
        // Nobody has asked for it, and there are machines where it cannot be.
        log.debug("There is no file of figures for te top: {}", why);
      } else {
        log.warn(
            "There is no file of figures for te top: {}. {} must be a folder of this process's user"
                + " that nobody else may write to, or off",
            why,
            ExpositionOptions.COUNTERS);
      }
      return Optional.empty();
    }
  }

  static CountersFile make(
      Path folder,
      Processes processes,
      String segment,
      List<String> transports,
      Supplier<MetricsSnapshot> figures,
      LongSupplier changes)
      throws IOException {
    if (!folder.isAbsolute()) {
      throw new IOException(folder + " is no absolute path");
    }
    CountersFolder.prepare(folder);
    CountersFolder.clean(folder, processes, System.currentTimeMillis());
    CountersRecord.Owner owner = CountersRecord.Owner.own(processes);
    Path path =
        folder.resolve(
            CountersFolder.name(owner.pid(), ThreadLocalRandom.current().nextInt() & 0xffffffffL));
    Path _ =
        Files.createFile(
            path,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    @Nullable RandomAccessFile file = null;
    boolean done = false;
    try {
      file = new RandomAccessFile(path.toFile(), "rw");
      CountersFile made =
          new CountersFile(path, file, owner, segment, transports, figures, changes);
      // Now, when there is memory: what is not loaded yet in a full heap is lost for ever (ADR 41).
      made.write();
      done = true;
      return made;
    } finally {
      if (!done) {
        if (file != null) {
          file.close();
        }
        boolean _ = Files.deleteIfExists(path);
      }
    }
  }

  /** {@return where it is} */
  public Path path() {
    return path;
  }

  /**
   * Has what the counters hold written, unless nothing happens for a while: then only now and then.
   * One thread calls this. Not if a write is under way: a disk may stand still, and then only this
   * file waits. In a full heap, or on a full disk, the next one may do; there is nobody to tell.
   */
  public void refreshSoon() {
    refreshOn(WRITERS);
  }

  /** For tests: {@code threads} write it. */
  void refreshOn(Executor threads) {
    if (!isDue() || !writing.compareAndSet(false, true)) {
      return;
    }
    boolean begun = false;
    try {
      threads.execute(refresh);
      begun = true;
    } finally {
      if (!begun) {
        writing.set(false);
      }
    }
  }

  private boolean isDue() {
    long now = changes.getAsLong();
    if (now != seenChanges) {
      seenChanges = now;
      idleLooks = 0;
      return true;
    }
    idleLooks++;
    // The first: with that before it, it shows that nothing happened.
    return idleLooks == 1 || idleLooks % IDLE_LOOKS == 0;
  }

  private void refresh() {
    try {
      write();
    } catch (Throwable notNow) {
      // The last record stays.
    } finally {
      writing.set(false);
    }
  }

  private synchronized void write() throws IOException {
    if (closed) {
      return;
    }
    long nanos = System.nanoTime();
    byte[] record =
        CountersText.of(
            new CountersRecord(
                owner,
                segment,
                transports,
                openedMillis,
                number + 1,
                System.currentTimeMillis(),
                nanos,
                figures.get(),
                0));
    if (record.length > CountersText.BYTES_MAX) {
      throw new IOException("the figures take " + record.length + " bytes");
    }
    long slot = (number & 1) * CountersText.BYTES_MAX;
    file.seek(slot);
    // With the zeros behind it, that end it: the record before it there may have been longer.
    byte[] whole = new byte[Math.min(record.length + 1, CountersText.BYTES_MAX)];
    System.arraycopy(record, 0, whole, 0, record.length);
    file.write(whole);
    number++;
  }

  /** Removes the file, behind a write that is under way. Throws nothing. Idempotent. */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    try {
      file.close();
    } catch (IOException e) {
      log.debug("The file of figures {} could not be closed", path, e);
    }
    try {
      boolean _ = Files.deleteIfExists(path);
    } catch (IOException e) {
      log.debug("The file of figures {} could not be removed", path, e);
    }
  }
}
