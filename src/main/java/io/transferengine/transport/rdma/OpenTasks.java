// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.transport.TransferTask;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The tasks of a peer that have requests to hand out, the oldest first. Not thread-safe: its peer's
 * lock guards it. What takes tasks out needs memory only before it takes the first.
 */
final class OpenTasks {
  private final LinkedHashSet<TransferTask> tasks = new LinkedHashSet<>();

  OpenTasks() {}

  void add(TransferTask task) {
    tasks.add(task);
  }

  void remove(TransferTask task) {
    tasks.remove(task);
  }

  /** {@return whether any has requests; those that have none are no longer kept} */
  boolean haveWork() {
    tasks.removeIf(task -> !task.hasWork());
    return !tasks.isEmpty();
  }

  /** {@return all, as they are now} */
  List<TransferTask> copy() {
    return List.copyOf(tasks);
  }

  /** Takes one, if there is one. */
  @Nullable TransferTask takeFirst() {
    return tasks.isEmpty() ? null : tasks.removeFirst();
  }

  /** Takes those of which nothing is posted. */
  List<TransferTask> takeQuiet() {
    List<TransferTask> taken = new ArrayList<>();
    for (TransferTask task : tasks) {
      if (task.hasWork() && task.isQuiet()) {
        taken.add(task);
      }
    }
    return take(taken);
  }

  /** Takes those that have waited since then, by the nano clock. */
  List<TransferTask> takeWaitedSince(long nanos) {
    List<TransferTask> taken = new ArrayList<>();
    for (TransferTask task : tasks) {
      if (task.hasWork() && task.hasWaitedSince(nanos)) {
        taken.add(task);
      }
    }
    return take(taken);
  }

  private List<TransferTask> take(List<TransferTask> taken) {
    for (int i = 0; i < taken.size(); i++) {
      tasks.remove(taken.get(i));
    }
    return taken;
  }
}
