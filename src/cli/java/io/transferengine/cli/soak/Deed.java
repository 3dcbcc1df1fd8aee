// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.cli.console.CommandException;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** What a fault does to a process. */
final class Deed {
  /** The kinds of deeds. */
  enum Kind {
    NONE,
    STOP,
    KILL,
    /** It gets no more descriptors. */
    DESCRIPTORS,
    /** It gets no more threads. */
    THREADS,
    /** Its heap is full for a while. */
    HEAP
  }

  private final Kind kind;
  private final Victim victim;
  private final int millis;
  private @Nullable Thread timer;
  private @Nullable Thread resuming;
  private @Nullable Shortage shortage;
  private @Nullable CommandException failure;
  private Optional<Remains> remains = Optional.empty();
  private boolean begun;

  /**
   * @param millis how long a process is stopped, or its heap full
   */
  Deed(Kind kind, Victim victim, int millis) {
    this.kind = kind;
    this.victim = victim;
    this.millis = millis;
  }

  /** Does it after so many microseconds; never, if they are negative. */
  void beginAt(int micros) {
    if (micros >= 0 && kind != Kind.NONE) {
      timer =
          Thread.ofVirtual()
              .start(
                  () -> {
                    LockSupport.parkNanos(micros * 1000L); // Sooner will do as well.
                    begin();
                  });
    }
  }

  /** Does it, on the thread of a connection. */
  synchronized void begin() {
    begun = true;
    try {
      strike();
    } catch (CommandException e) {
      failure = e; // That thread has nobody to tell.
    }
  }

  private void strike() {
    switch (kind) {
      case NONE -> {}
      case KILL -> {
        remains = victim.remains();
        victim.child().kill();
      }
      case DESCRIPTORS -> shortage = shortage(Shortage.Resource.DESCRIPTORS);
      case THREADS -> shortage = shortage(Shortage.Resource.THREADS);
      case HEAP -> victim.fillHeap(millis);
      case STOP -> {
        victim.child().stop();
        resuming = Thread.ofVirtual().start(this::resumeLater);
      }
    }
  }

  private Shortage shortage(Shortage.Resource resource) {
    return Shortage.begin(victim.child().pid(), resource);
  }

  private void resumeLater() {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      throw new AssertionError("Nobody knows this thread", e);
    }
    victim.child().resume();
  }

  /** The process runs again, and has what it needs. */
  void end() {
    Thread waited;
    Thread timed = timer;
    if (timed != null) {
      join(timed);
    }
    synchronized (this) {
      waited = resuming;
      if (failure != null) {
        throw failure;
      }
      if (shortage != null) {
        shortage.end();
      }
    }
    if (kind == Kind.HEAP) {
      victim.awaitHeap();
    }
    if (waited != null) {
      join(waited);
    }
    if (kills()) {
      victim.restart();
    }
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new AssertionError("Nobody knows this thread", e);
    }
  }

  /**
   * {@return whether it was done} It may have kept a process from its records for longer than these
   * live in the metadata service.
   */
  synchronized boolean hasBegun() {
    return begun && kind != Kind.NONE;
  }

  /** {@return whether a process was killed} */
  synchronized boolean kills() {
    return begun && kind == Kind.KILL;
  }

  /** {@return what a process had that was killed} */
  synchronized Optional<Remains> remains() {
    return remains;
  }

  /** {@return whether this process was killed} */
  boolean kills(Victim killed) {
    return killed == victim && kills();
  }

  /** {@return for how long it keeps a process from noticing a deadline} */
  int millis() {
    return kind == Kind.STOP ? millis : 0;
  }

  @Override
  public String toString() {
    return kind == Kind.NONE ? "" : " %s %s for %d ms".formatted(kind, victim.name(), millis);
  }

  Kind kind() {
    return kind;
  }
}
