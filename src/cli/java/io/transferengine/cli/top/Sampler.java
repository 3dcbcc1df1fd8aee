// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.top;

import io.transferengine.diagnostics.EngineCounters;
import java.io.IOException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/** Looks at counters files again and again. For one thread. */
final class Sampler {
  /** Where files are. */
  interface Files {
    /** {@return those that are there now} */
    List<Path> list() throws IOException;
  }

  private final Files files;
  private final Predicate<EngineCounters> wanted;
  private Map<Path, Known> last = new HashMap<>();
  private List<String> problems = List.of();

  /**
   * A sample, and when its file had been written before it was read.
   *
   * @param modified empty if that is not known
   */
  private record Known(Sample sample, Optional<FileTime> modified) {
    /** {@return whether the file still says the same} */
    boolean holds(Optional<FileTime> now) {
      return now.isPresent() && now.equals(modified);
    }
  }

  Sampler(Files files, Predicate<EngineCounters> wanted) {
    this.files = files;
    this.wanted = wanted;
  }

  /** {@return what the engines did since the last look, those that are wanted} */
  List<Sample> look() throws IOException {
    Map<Path, Known> seen = new HashMap<>();
    List<Sample> found = new ArrayList<>();
    List<String> bad = new ArrayList<>();
    for (Path file : files.list()) {
      try {
        Known known = next(file);
        if (wanted.test(known.sample().now())) {
          seen.put(file, known);
          found.add(known.sample());
        }
      } catch (NoSuchFileException closed) {
        // Between the list and the look.
      } catch (IOException e) {
        bad.add(String.valueOf(e.getMessage()));
      }
    }
    last = seen;
    problems = bad;
    return found;
  }

  /** {@return what could not be read at the last look} */
  List<String> problems() {
    return problems;
  }

  /** Until an engine has written again, its last interval is what it does. */
  private Known next(Path file) throws IOException {
    Known known = last.get(file);
    // Before the read: what is written meanwhile is read at the next look.
    Optional<FileTime> modified = modified(file);
    if (known == null) {
      return new Known(new Sample(EngineCounters.read(file), Optional.empty()), modified);
    }
    Sample sample = known.sample();
    // There may be hundreds. One of another machine, in a folder that is shared, counts as gone,
    // too.
    if (sample.isGone() && known.holds(modified)) {
      return known;
    }
    EngineCounters now = EngineCounters.read(file);
    Optional<EngineCounters> before =
        now.writtenNanos() == sample.now().writtenNanos()
            ? sample.before()
            : Optional.of(sample.now());
    return new Known(new Sample(now, before), modified);
  }

  private static Optional<FileTime> modified(Path file) {
    try {
      return Optional.of(java.nio.file.Files.getLastModifiedTime(file, LinkOption.NOFOLLOW_LINKS));
    } catch (IOException unknown) {
      // To read it fails, too, and says why.
      return Optional.empty();
    }
  }
}
