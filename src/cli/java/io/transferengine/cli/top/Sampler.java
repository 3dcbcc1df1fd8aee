// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.top;

import io.transferengine.diagnostics.EngineCounters;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
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
  private Map<Path, Sample> last = new HashMap<>();
  private List<String> problems = List.of();

  Sampler(Files files, Predicate<EngineCounters> wanted) {
    this.files = files;
    this.wanted = wanted;
  }

  /** {@return what the engines did since the last look, those that are wanted} */
  List<Sample> look() throws IOException {
    Map<Path, Sample> seen = new HashMap<>();
    List<Sample> found = new ArrayList<>();
    List<String> bad = new ArrayList<>();
    for (Path file : files.list()) {
      try {
        Sample sample = next(file);
        if (wanted.test(sample.now())) {
          seen.put(file, sample);
          found.add(sample);
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
  private Sample next(Path file) throws IOException {
    Sample known = last.get(file);
    if (known != null && known.isGone()) {
      return known; // Nobody writes it any more, and there may be hundreds.
    }
    EngineCounters now = EngineCounters.read(file);
    if (known == null) {
      return new Sample(now, Optional.empty());
    }
    return now.writtenNanos() == known.now().writtenNanos()
        ? new Sample(now, known.before())
        : new Sample(now, Optional.of(known.now()));
  }
}
