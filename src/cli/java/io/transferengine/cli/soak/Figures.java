// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.cli.console.Units;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** What has happened so far, in all groups. Thread-safe. */
final class Figures {
  private final Map<String, Long> names = new TreeMap<>();
  private final Map<String, Long> states = new TreeMap<>();
  private long cuts;
  private long faults;
  private long rounds;
  private long bytes;
  private long late;

  synchronized void addRound(String fault, boolean struck, boolean cut) {
    rounds++;
    if (cut) {
      faults++;
      cuts++;
    }
    if (struck) {
      faults++;
      names.merge(fault, 1L, Long::sum);
    }
  }

  synchronized void addTransfer(Outcome outcome, long lengthBytes) {
    states.merge(outcome.state().toLowerCase(Locale.ROOT), 1L, Long::sum);
    late += outcome.late() ? 1 : 0;
    bytes += outcome.completed() ? lengthBytes : 0;
  }

  /** {@return how many faults struck} */
  synchronized long faults() {
    return faults;
  }

  /** {@return one line} */
  @Override
  public synchronized String toString() {
    return "%s faults in %s rounds (%s); %s transfers (%s), %s of them a second late, %.2f GB"
        .formatted(
            Units.count(faults),
            Units.count(rounds),
            names.entrySet().stream()
                    .map(name -> name.getKey() + " " + name.getValue())
                    .collect(Collectors.joining(", "))
                + (cuts > 0 ? ", links cut " + cuts : ""),
            Units.count(states.values().stream().mapToLong(Long::longValue).sum()),
            states.entrySet().stream()
                .map(state -> state.getKey() + " " + state.getValue())
                .collect(Collectors.joining(", ")),
            Units.count(late),
            Units.gb(bytes));
  }
}
