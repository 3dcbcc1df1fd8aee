// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import static io.transferengine.testkit.Schedules.require;

import io.transferengine.testkit.Schedules;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A worker that sleeps, and those who wake it, under many schedules. */
@Tag("schedules")
@Timeout(120)
class CommandQueueSchedules {
  /** A wait without a limit, whatever is asked for: a lost wake-up is a deadlock. */
  private static final class Channel implements CommandQueue.Bed {
    private boolean rung;

    @Override
    public synchronized void sleep(int maxMillis) {
      try {
        while (!rung) {
          wait();
        }
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
      rung = false;
    }

    @Override
    public synchronized void wakeUp() {
      rung = true;
      notifyAll();
    }
  }

  private static final class Command implements Runnable {
    private int runs;

    @Override
    public void run() {
      runs++;
    }
  }

  /** A worker, one who gives it work, and one who stops it after another command. */
  private static final class Stopped extends Schedules.Scene {
    private final CommandQueue commands = new CommandQueue(new Channel());
    private final Command work = new Command();
    private final Command last = new Command();

    Stopped() {
      super(3);
    }

    @Override
    protected Schedules.Scene fresh() {
      return new Stopped();
    }

    /** The worker: as it ends, it does what is left. */
    @Override
    protected void first() {
      while (!commands.isStopping()) {
        if (!runAll()) {
          commands.sleepWhileEmpty(-1);
        }
      }
      boolean _ = runAll();
    }

    private boolean runAll() {
      boolean any = false;
      for (Runnable next = commands.poll(); next != null; next = commands.poll()) {
        next.run();
        any = true;
      }
      return any;
    }

    @Override
    protected void second() {
      commands.add(work);
    }

    @Override
    protected void third() {
      commands.add(last);
      commands.stop();
    }

    @Override
    protected void check() {
      boolean _ = runAll(); // what came after the worker's end is the closer's
      require(work.runs == 1, "a command ran " + work.runs + " times");
      require(last.runs == 1, "the last command ran " + last.runs + " times");
    }
  }

  /** A worker that waits for one command: it has to be woken. */
  private static final class Woken extends Schedules.Scene {
    private final CommandQueue commands = new CommandQueue(new Channel());
    private final Command work = new Command();

    Woken() {
      super(2);
    }

    @Override
    protected Schedules.Scene fresh() {
      return new Woken();
    }

    @Override
    protected void first() {
      Runnable next = commands.poll();
      while (next == null) {
        commands.sleepWhileEmpty(-1);
        next = commands.poll();
      }
      next.run();
    }

    @Override
    protected void second() {
      commands.add(work);
    }

    @Override
    protected void check() {
      require(work.runs == 1, "the command ran " + work.runs + " times");
    }
  }

  /** A worker that waits for one command, and one who has what is the worker's meanwhile. */
  private static final class Lent extends Schedules.Scene {
    private final CommandQueue commands = new CommandQueue(new Channel());
    private final Command work = new Command();
    private final boolean wakes;

    /** Of the worker: two who have it at once may lose one of two steps. */
    private int steps;

    private int lent;

    Lent(boolean wakes) {
      super(3);
      this.wakes = wakes;
    }

    @Override
    protected Schedules.Scene fresh() {
      return new Lent(wakes);
    }

    @Override
    protected void first() {
      Runnable next = commands.poll();
      while (next == null) {
        commands.sleepWhileEmpty(-1);
        steps++;
        steps--;
        next = commands.poll();
      }
      next.run();
      steps++;
    }

    @Override
    protected void second() {
      commands.add(work);
    }

    @Override
    protected void third() {
      if (commands.borrow()) {
        steps++;
        lent++;
        commands.giveBack(wakes);
      }
    }

    @Override
    protected void check() {
      require(work.runs == 1, "the command ran " + work.runs + " times");
      require(steps == 1 + lent, steps + " steps, lent " + lent + " times");
    }
  }

  @Test
  void whatIsLentIsOfOneThreadAtATime() {
    Schedules.explore(1000, new Lent(false));
  }

  @Test
  void whatIsLentComesBackWithAWakeUp() {
    Schedules.explore(1000, new Lent(true));
  }

  @Test
  void everyCommandRunsAndAStopEndsTheSleep() {
    Schedules.explore(1000, new Stopped());
  }

  @Test
  void aCommandWakesTheWorker() {
    Schedules.explore(1000, new Woken());
  }
}
