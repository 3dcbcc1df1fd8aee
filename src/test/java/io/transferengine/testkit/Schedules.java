// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import java.util.Objects;
import org.jetbrains.lincheck.Lincheck;
import org.jspecify.annotations.Nullable;

/**
 * Runs a few threads under a scheduler of its own (Lincheck), which decides at every access to
 * shared memory who goes on: many different schedules, the same ones in each run. It finds missing
 * atomicity, deadlocks and lost ends; not what processors reorder, nor a wake-up that a wait with a
 * time-out makes up for.
 *
 * <p>It instruments the JVM, so tests that use it have the tag {@code schedules} and run in a JVM
 * of their own: {@code SchedulesTest} starts it.
 */
public final class Schedules {
  /** What a failure says if Lincheck (3.x) has found one, and failed to write down its schedule. */
  static final String UNTOLD = "A schedule fails, and Lincheck could not print it";

  private Schedules() {}

  /**
   * What a few threads do with what they share, and what holds in the end. Made anew for each
   * schedule. Nothing of it is a lambda: the scheduler must see that an object is shared, and does
   * not look into lambdas. A scene that cannot fail is easily made so.
   */
  public abstract static class Scene {
    final int threads;
    volatile @Nullable Throwable failure;

    /** For 2 or 3 threads. */
    protected Scene(int threads) {
      this.threads = threads;
    }

    /** {@return one like it, in which nothing has happened} */
    protected abstract Scene fresh();

    /** What a thread does. */
    protected abstract void first() throws Exception;

    /** What another does. */
    protected abstract void second() throws Exception;

    /** What a third one does, if there is one. */
    protected void third() throws Exception {}

    /** Checks what must hold when all have ended. */
    protected abstract void check();
  }

  private static final class Actor implements Runnable {
    private final Scene scene;
    private final int index;

    Actor(Scene scene, int index) {
      this.scene = scene;
      this.index = index;
    }

    @Override
    public void run() {
      try {
        switch (index) {
          case 0 -> scene.first();
          case 1 -> scene.second();
          default -> scene.third();
        }
      } catch (Throwable t) {
        scene.failure = t; // Lincheck looks only at what the main thread throws.
      }
    }
  }

  /** The main thread of each schedule. */
  private static final class Play implements Runnable {
    /**
     * Lincheck takes an object for shared once a static field leads to it. It does not see what a
     * new thread is given.
     */
    private static volatile @Nullable Scene shared;

    private final Scene example;

    Play(Scene example) {
      this.example = example;
    }

    @Override
    public void run() {
      shared = example.fresh();
      Scene scene = Objects.requireNonNull(shared);
      Thread[] threads = new Thread[scene.threads];
      for (int i = 0; i < threads.length; i++) {
        threads[i] = new Thread(new Actor(scene, i));
        threads[i].start();
      }
      for (Thread thread : threads) {
        try {
          thread.join();
        } catch (InterruptedException e) {
          throw new AssertionError(e);
        }
      }
      if (scene.failure != null) {
        throw new AssertionError(scene.failure);
      }
      scene.check();
    }
  }

  /** Plays scenes like this one under so many schedules; throws what a thread or check throws. */
  public static void explore(int schedules, Scene example) {
    try {
      Lincheck.runConcurrentTest(schedules, new Play(example));
    } catch (IndexOutOfBoundsException inTrace) {
      // It happens only while a trace is made, which is made of a failure only.
      throw new AssertionError(UNTOLD, inTrace);
    }
  }

  /** Fails the schedule; plain, because what runs under the scheduler is best small. */
  public static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new AssertionError(otherwise);
    }
  }
}
