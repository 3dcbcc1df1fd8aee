// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;

/** A stream of a simulated device: its own thread does what was begun there, in order. */
final class SimulatedStream {
  private static final VarHandle WORD = ValueLayout.JAVA_INT.varHandle();

  final int device;
  private final BlockingQueue<Runnable> work = new LinkedBlockingQueue<>();
  private final Thread thread;
  private boolean ended;

  SimulatedStream(int device, long number) {
    this.device = device;
    thread = Thread.ofPlatform().daemon().name("simulated-stream-" + number).unstarted(this::run);
    thread.start();
  }

  void add(Runnable step) {
    work.add(step);
  }

  /** Waits until all is done, or the stream has ended. */
  void awaitAll() {
    CompletableFuture<Void> done = new CompletableFuture<>();
    work.add(() -> done.complete(null));
    while (!done.isDone() && thread.isAlive()) {
      Thread.onSpinWait();
    }
  }

  /** Until a word less a value is 0 or more. */
  void standStill(MemorySegment word, int value) {
    work.add(
        () -> {
          while ((int) WORD.getVolatile(word, 0L) - value < 0) {
            Thread.onSpinWait();
          }
        });
  }

  /** Behind what was begun. */
  void end() {
    work.add(() -> ended = true);
  }

  private void run() {
    try {
      while (!ended) {
        work.take().run();
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
