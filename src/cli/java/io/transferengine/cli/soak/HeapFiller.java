// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.cli.faults.FullHeap;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Path;

/**
 * Fills the heap of this process when a byte arrives by a named pipe, if it follows one, and gives
 * it back after as many times {@link #UNIT_MILLIS} as the byte says. A request could not tell it:
 * one runs while it happens.
 */
final class HeapFiller {
  static final int UNIT_MILLIS = 4;

  private final FullHeap heap = new FullHeap();
  private int filled;
  private boolean full;

  /**
   * From now on it does what it is told.
   *
   * @param path of the pipe, whose writers may come and go
   */
  void follow(Path path) throws IOException {
    RandomAccessFile pipe = new RandomAccessFile(path.toFile(), "rw");
    Thread.ofPlatform().daemon().name("soak-heap").start(() -> run(pipe));
  }

  private void run(RandomAccessFile pipe) {
    try {
      for (int units = pipe.read(); units >= 0; units = pipe.read()) {
        setFull(true);
        heap.fill();
        pause(units * UNIT_MILLIS);
        heap.release();
        setFull(false);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void pause(int millis) {
    long endNanos = System.nanoTime() + millis * 1_000_000L;
    while (System.nanoTime() - endNanos < 0) {
      try {
        Thread.sleep(1);
      } catch (InterruptedException e) {
        throw new AssertionError("Nobody knows this thread", e);
      } catch (OutOfMemoryError e) {
        Thread.onSpinWait(); // As it should be.
      }
    }
  }

  /** Waits until the heap is not full. */
  synchronized void awaitRelief() {
    try {
      while (full) {
        wait();
      }
    } catch (InterruptedException e) {
      throw new AssertionError("Nobody knows this thread", e);
    }
  }

  /** Waits until the heap has been full, and is no more, so many times in all. */
  synchronized void awaitFilled(int times) {
    try {
      while (filled < times) {
        wait();
      }
    } catch (InterruptedException e) {
      throw new AssertionError("Nobody knows this thread", e);
    }
  }

  private synchronized void setFull(boolean now) {
    full = now;
    filled += now ? 0 : 1;
    notifyAll();
  }
}
