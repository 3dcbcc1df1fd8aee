// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.cli.console.CommandException;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.jspecify.annotations.Nullable;

/** A link that is down for a while: the network interface under an RDMA device. */
final class Cut {
  private final String link;
  private final int afterMillis;
  private final int millis;
  private @Nullable FutureTask<Boolean> running;

  /**
   * @param link the interface's name
   * @param afterMillis how long it is up yet
   * @param millis how long it is down then
   */
  Cut(String link, int afterMillis, int millis) {
    this.link = link;
    this.afterMillis = afterMillis;
    this.millis = millis;
  }

  /** Begins to wait until it is time. */
  void begin() {
    FutureTask<Boolean> task =
        new FutureTask<>(
            () -> {
              Thread.sleep(afterMillis);
              set(link, "down");
              try {
                Thread.sleep(millis);
              } finally {
                set(link, "up");
              }
              return true;
            });
    running = task;
    var _ = Thread.ofVirtual().start(task);
  }

  /** Returns when the link is up again. */
  void end() {
    FutureTask<Boolean> task = running;
    if (task == null) {
      return;
    }
    try {
      boolean _ = task.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof CommandException own) {
        throw own;
      }
      throw new AssertionError("A link could not be cut", e.getCause());
    } catch (InterruptedException e) {
      throw new AssertionError("Nobody knows this thread", e);
    }
  }

  /** Takes an interface up, as a run that is interrupted may have left it down. */
  static void mend(String link) {
    set(link, "up");
  }

  private static void set(String link, String state) {
    Tool.require(List.of("ip", "link", "set", "dev", link, state));
  }

  @Override
  public String toString() {
    return " CUT %s after %d ms for %d ms".formatted(link, afterMillis, millis);
  }
}
