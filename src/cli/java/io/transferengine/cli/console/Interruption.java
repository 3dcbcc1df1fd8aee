// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.console;

/**
 * Says what there is when the command is ended by a signal, such as Ctrl-C's. While that is said,
 * the command itself says nothing more: what it meets then, such as a second process that has gone,
 * is the signal's doing.
 */
public final class Interruption implements AutoCloseable {
  private static volatile boolean begun;

  private final Thread hook;

  private Interruption(Thread hook) {
    this.hook = hook;
  }

  /** Runs {@code farewell}, on a thread of its own, if the process is ended before the close. */
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

  /** {@return whether a signal is ending the command, which has said what there is} */
  static boolean begun() {
    return begun;
  }

  @Override
  public void close() {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // We are ending: it runs.
    }
  }
}
