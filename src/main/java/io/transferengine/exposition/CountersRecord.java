// SPDX-License-Identifier: Apache-2.0
package io.transferengine.exposition;

import io.transferengine.metrics.MetricsSnapshot;
import io.transferengine.os.Processes;
import java.util.List;

/**
 * What a counters file says: whose it is, and the figures at one moment.
 *
 * @param owner the process
 * @param segment the engine's name
 * @param transports those that it has, the best first
 * @param openedMillis when the engine was opened, since 1970
 * @param number how many records the engine has written, this one included
 * @param writtenMillis when this one was written, since 1970
 * @param writtenNanos the same by a clock that nobody sets; to be compared with others of this file
 * @param figures what the engine had counted then; of its peers, those that moved the most
 * @param peersOmitted how many peers there are besides
 */
public record CountersRecord(
    Owner owner,
    String segment,
    List<String> transports,
    long openedMillis,
    long number,
    long writtenMillis,
    long writtenNanos,
    MetricsSnapshot figures,
    long peersOmitted) {

  /**
   * A process. Numbers of processes are used again, and each pid namespace has its own.
   *
   * @param pid its number
   * @param startTicks when it began, by {@link Processes#startOf}
   * @param pidNamespace what its number is in; 0 if that is not known
   * @param bootId which start of which machine; empty if that is not known
   */
  public record Owner(int pid, long startTicks, long pidNamespace, String bootId) {
    /** {@return this process} */
    static Owner own(Processes processes) {
      int pid = processes.own();
      return new Owner(pid, processes.startOf(pid), processes.pidNamespace(), processes.bootId());
    }

    /** {@return what has become of it} */
    public Fate fate(Processes processes) {
      if (!bootId.equals(processes.bootId())) {
        return Fate.GONE;
      }
      if (pidNamespace == 0 || pidNamespace != processes.pidNamespace()) {
        return Fate.UNKNOWN;
      }
      if (processes.startOf(processes.own()) < 0) {
        return Fate.UNKNOWN; // /proc cannot be read.
      }
      return processes.startOf(pid) == startTicks ? Fate.RUNS : Fate.GONE;
    }
  }

  /** What has become of a process. */
  public enum Fate {
    /** It is there. */
    RUNS,
    /** It has ended, or the machine was started anew. */
    GONE,
    /** It is in another pid namespace, such as another container's, and cannot be looked at. */
    UNKNOWN
  }
}
