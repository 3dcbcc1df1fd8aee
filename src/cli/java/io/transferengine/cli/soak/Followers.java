// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import org.jspecify.annotations.Nullable;

/**
 * Threads that follow transfers to their ends, one each. They are there from the beginning, since
 * there may be no more threads later, and live on in a full heap, as those of an executor do not.
 */
final class Followers {
  private final @Nullable RunningMove[] next;

  /** Starts so many. */
  Followers(int count) {
    next = new RunningMove[count];
    for (int i = 0; i < count; i++) {
      int index = i;
      Thread.ofPlatform().daemon().name("soak-follower-" + i).start(() -> run(index));
    }
  }

  /** Begins to follow a transfer, as the only one of its index. */
  synchronized void follow(int index, RunningMove move) {
    next[index] = move;
    notifyAll();
  }

  private void run(int index) {
    while (true) {
      try {
        take(index).run();
      } catch (OutOfMemoryError e) {
        // Whatever it was, it comes from waiting for the next: that waits.
      }
    }
  }

  private synchronized RunningMove take(int index) {
    while (next[index] == null) {
      try {
        wait();
      } catch (InterruptedException e) {
        throw new AssertionError("Nobody knows this thread", e);
      }
    }
    RunningMove move = next[index];
    next[index] = null;
    return move;
  }
}
