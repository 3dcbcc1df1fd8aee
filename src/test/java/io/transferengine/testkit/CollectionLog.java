// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** What a JVM's garbage collector says of its pauses, in a file. */
public final class CollectionLog {
  /** Such as {@code [1.2s][info][gc] GC(3) Pause Young (Normal) (Some Cause) 9M->4M(64M) 2.1ms}. */
  private static final Pattern PAUSE =
      Pattern.compile("Pause (.*) \\d+M->\\d+M\\(\\d+M\\) ([0-9.]+)ms$");

  private final Path file;
  private int begun;

  private record Pause(String cause, double millis) {}

  /** One that is written to a file. */
  public CollectionLog(Path file) {
    this.file = file;
  }

  /** {@return the options of the JVM that has to write it} */
  public List<String> options() {
    return List.of("-Xlog:gc:file=" + file + "::filecount=0");
  }

  /** Forgets what is there. */
  public void begin() {
    begun = all().size();
  }

  private List<Pause> all() {
    try {
      return Files.readAllLines(file).stream()
          .map(PAUSE::matcher)
          .filter(Matcher::find)
          .map(found -> new Pause(found.group(1), Double.parseDouble(found.group(2))))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private List<Pause> pauses() {
    List<Pause> all = all();
    return all.subList(begun, all.size());
  }

  /** {@return kind and cause of each pause since {@link #begin}, in words} */
  public List<String> causes() {
    return pauses().stream().map(Pause::cause).toList();
  }

  /** {@return the pauses since {@link #begin} in one line} */
  @Override
  public String toString() {
    List<Pause> pauses = pauses();
    return "%d, longest %.1f ms, together %.1f ms: %s"
        .formatted(
            pauses.size(),
            pauses.stream().mapToDouble(Pause::millis).max().orElse(0),
            pauses.stream().mapToDouble(Pause::millis).sum(),
            pauses.stream()
                .map(Pause::cause)
                .collect(Collectors.groupingBy(Function.identity(), Collectors.counting())));
  }
}
