// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.console;

/**
 * Prints the results so far when a signal, such as Ctrl-C's, ends the command. Meanwhile the
 * command itself prints nothing more: failures that it sees then, such as a second process that has
 * gone, come from the signal.
 */
public final class Interruption implements AutoCloseable {
  private static volatile boolean begun;

  private final Thread hook;

  private Interruption(Thread hook) {
    this.hook = hook;
  }

  /** Runs {@code farewell} on its own thread, if the process is ended before the close. */
  public static Interruption handle(Runnable farewell) {
    Thread hook =
        new Thread(
            () -> {
              begun = true;
              farewell.run();
              System.out.flush();
            },
            "te-interruption");
    Runtime.getRuntime().addShutdownHook(hook);
    return new Interruption(hook);
  }

  /** {@return whether a signal is ending the command} */
  static boolean begun() {
    return begun;
  }

  @Override
  public void close() {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The process is ending: the hook runs.
    }
  }
}
