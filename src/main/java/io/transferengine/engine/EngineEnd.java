// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.net.Event;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Closes what an engine consists of, part by part, once. What that takes is made when the engine
 * is: at its end there may be no memory for it, and a call whose first linking fails then is lost
 * for ever (ADR 41). Parts are added by one thread, before {@link #start}.
 */
final class EngineEnd implements Runnable {
  /** How long all of it may take. */
  static final Duration TIMEOUT = Duration.ofSeconds(5);

  /** Closes one part. */
  interface Part {
    /** Closes it, in the time that {@code all} has left. */
    void close(Teardown all);
  }

  private final Teardown all = new Teardown(TIMEOUT);
  private final List<Step> steps = new ArrayList<>();
  private final Event ended = new Event();

  private final class Step implements Runnable {
    final String what;
    final boolean isBeside;
    private final Part part;

    Step(String what, boolean isBeside, Part part) {
      this.what = what;
      this.isBeside = isBeside;
      this.part = part;
    }

    @Override
    public void run() {
      part.close(all);
    }
  }

  /** Of nothing yet. */
  EngineEnd() {}

  /** Adds a part that is closed behind those before it. {@code what} names it in the log. */
  EngineEnd then(String what, Part part) {
    steps.add(new Step(what, false, part));
    return this;
  }

  /** Adds a part that is closed beside those behind it, since others may take long over it. */
  EngineEnd beside(String what, Part part) {
    steps.add(new Step(what, true, part));
    return this;
  }

  /**
   * Begins. A thread of its own does the work, so that an interrupt of the caller does not cut it
   * short, and nothing that libraries keep per thread stays in the caller's; without one it is done
   * here.
   */
  void start() {
    try {
      var _ =
          Thread.ofPlatform()
              .daemon()
              .name("te-close")
              .inheritInheritableThreadLocals(false)
              .start(this);
    } catch (Throwable noThread) {
      run();
    }
  }

  /** Waits for the end, a moment longer than that may take; {@return whether it has come} */
  boolean await() {
    return ended.awaitUninterruptibly(TIMEOUT.plusMillis(500).toNanos());
  }

  @Override
  public void run() {
    try {
      all.begin();
      // By number, since to go over a list takes an object.
      for (int k = 0; k < steps.size(); k++) {
        Step step = steps.get(k);
        if (step.isBeside) {
          all.beside(step.what, step);
        } else {
          Teardown.step(step.what, step);
        }
      }
      all.join();
    } finally {
      ended.happen();
    }
  }
}
