// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.cli.console.Units;
import java.util.List;
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
  private long lostSockets;

  /**
   * A round has ended.
   *
   * @param struck a word for each fault that struck
   */
  synchronized void addRound(List<String> struck, boolean cut) {
    rounds++;
    if (cut) {
      faults++;
      cuts++;
    }
    for (String fault : struck) {
      faults++;
      names.merge(fault, 1L, Long::sum);
    }
  }

  synchronized void addTransfer(Outcome outcome, long lengthBytes) {
    states.merge(outcome.state().toLowerCase(Locale.ROOT), 1L, Long::sum);
    late += outcome.late() ? 1 : 0;
    bytes += outcome.completed() ? lengthBytes : 0;
  }

  /** The JDK's HTTP client has forgotten so many that it left open. */
  synchronized void addLostSockets(int count) {
    lostSockets += count;
  }

  /** {@return how many faults struck} */
  synchronized long faults() {
    return faults;
  }

  /** {@return how many rounds have ended, each with a seed of its own} */
  synchronized long rounds() {
    return rounds;
  }

  /** {@return one line} */
  @Override
  public synchronized String toString() {
    return "%s faults in %s rounds (%s); %s transfers (%s), %s of them a second late, %.2f GB%s"
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
            Units.gb(bytes),
            lostSockets > 0 ? ", sockets lost by the JDK in full heaps " + lostSockets : "");
  }
}
