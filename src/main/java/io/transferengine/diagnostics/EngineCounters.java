// SPDX-License-Identifier: Apache-2.0
package io.transferengine.diagnostics;

import io.transferengine.exposition.CountersFolder;
import io.transferengine.exposition.CountersRecord;
import io.transferengine.metrics.MetricsSnapshot;
import io.transferengine.os.LinuxProcesses;
import io.transferengine.os.Platform;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * The figures of an engine of this machine, read from its counters file ({@code TE_COUNTERS}). It
 * takes nothing of the engine's process, which may hang, or have been killed. Immutable.
 */
public final class EngineCounters {
  private final Path file;
  private final CountersRecord record;
  private final State state;

  /** What has become of the engine's process. */
  public enum State {
    /** It is there. */
    RUNS,
    /** It has ended without closing its engine, or the machine was started anew. */
    GONE,
    /** It is in another pid namespace, such as another container's, and cannot be looked at. */
    UNKNOWN
  }

  private EngineCounters(Path file, CountersRecord record, State state) {
    this.file = file;
    this.record = record;
    this.state = state;
  }

  /**
   * {@return the counters files of this machine's engines in the default folder of this process's
   * user; in those of all users if that is root}
   *
   * @throws IOException if the folders cannot be listed
   */
  public static List<Path> files() throws IOException {
    List<Path> found = new ArrayList<>();
    for (Path folder : CountersFolder.all()) {
      found.addAll(CountersFolder.files(folder));
    }
    return found;
  }

  /**
   * {@return the counters files in a folder, in the order of their names; none if it is missing}
   *
   * @param folder what {@code TE_COUNTERS} says to the engines
   * @throws IOException if it cannot be listed
   */
  public static List<Path> files(Path folder) throws IOException {
    return CountersFolder.files(Objects.requireNonNull(folder, "folder must not be null"));
  }

  /**
   * {@return what a counters file says now} Nothing in it is trusted: names have no control
   * characters, and a file of any other content is refused.
   *
   * @param file one of {@link #files()}
   * @throws IOException if it cannot be read, or is none; the text says which file, and why
   */
  public static EngineCounters read(Path file) throws IOException {
    Objects.requireNonNull(file, "file must not be null");
    CountersRecord record = CountersFolder.read(file);
    // A file may have come here from another machine.
    State state = Platform.isLinux() ? stateOf(record) : State.UNKNOWN;
    return new EngineCounters(file, record, state);
  }

  private static State stateOf(CountersRecord record) {
    return switch (record.owner().fate(new LinuxProcesses())) {
      case RUNS -> State.RUNS;
      case GONE -> State.GONE;
      case UNKNOWN -> State.UNKNOWN;
    };
  }

  /** {@return the file} */
  public Path file() {
    return file;
  }

  /** {@return the number of the engine's process, in its own pid namespace} */
  public int pid() {
    return record.owner().pid();
  }

  /** {@return what has become of it} */
  public State state() {
    return state;
  }

  /** {@return the name by which peers open the engine's segment} */
  public String segmentName() {
    return record.segment();
  }

  /** {@return the engine's transports, the best first} */
  public List<String> transports() {
    return record.transports();
  }

  /** {@return when the engine was opened} */
  public Instant opened() {
    return Instant.ofEpochMilli(record.openedMillis());
  }

  /**
   * {@return when the figures were written; an engine writes once a second, and every five seconds
   * while nothing happens in it}
   */
  public Instant written() {
    return Instant.ofEpochMilli(record.writtenMillis());
  }

  /**
   * {@return the same in nanoseconds of a clock that nobody sets} Only the difference between two
   * of one engine means something.
   */
  public long writtenNanos() {
    return record.writtenNanos();
  }

  /** {@return the figures; of the peers those that have moved the most} */
  public MetricsSnapshot metrics() {
    return record.figures();
  }

  /** {@return how many peers are not in {@link #metrics()}} */
  public long peersOmitted() {
    return record.peersOmitted();
  }

  @Override
  public String toString() {
    return "EngineCounters[%s, pid %d, %s, %s]".formatted(file, pid(), state, segmentName());
  }
}
