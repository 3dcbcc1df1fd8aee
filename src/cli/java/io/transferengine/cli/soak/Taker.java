// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.transferengine.cli.console.CommandException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** Takes memory back while peers use it, as {@link TakeBack} says, in the process that has it. */
final class Taker {
  private static final long CHUNK_BYTES = 16 << 10;

  /** From one mark to the next. */
  private static final int MARK_BYTES = 4096;

  /** As long as a call takes that copies 1 MiB, and longer. */
  private static final long MARKED_NANOS = 500_000;

  /** For some copies to meet the end of the file. */
  private static final long SHRUNK_NANOS = 500_000;

  private final Offer offer;
  private @Nullable Thread thread;
  private volatile @Nullable Throwable failure;

  Taker(Offer offer) {
    this.offer = offer;
  }

  /** Begins to wait until it is time. */
  void begin(TakeBackOrder order) {
    failure = null;
    thread =
        Thread.ofPlatform()
            .daemon()
            .name("soak-taker")
            .start(
                () -> {
                  try {
                    long endNanos = System.nanoTime() + order.afterMicros() * 1000L;
                    for (long left; (left = endNanos - System.nanoTime()) > 0; ) {
                      LockSupport.parkNanos(left);
                    }
                    take(order);
                  } catch (Throwable t) {
                    failure = t;
                  }
                });
  }

  private void take(TakeBackOrder order) {
    List<Layout.Part> parts = order.parts();
    switch (order.kind()) {
      case UNREGISTER, FREE ->
          parts.forEach(
              part -> {
                offer.unregister(part);
                mark(order.taken(part), order);
              });
      case SHRINK -> {
        offer.shrink();
        LockSupport.parkNanos(SHRUNK_NANOS);
        parts.forEach(offer::unregister);
        offer.grow();
        parts.forEach(part -> mark(part, order));
      }
      case CLOSE -> {
        offer.closeEngine();
        parts.forEach(part -> mark(part, order));
      }
    }
    // Nobody else touches it any more, whatever it was doing.
    MemorySegment memory = offer.memory();
    if (order.alone()) {
      LockSupport.parkNanos(MARKED_NANOS);
      order.taken().forEach(part -> requireMarked(part, order));
    }
    for (Layout.Part part : order.taken()) {
      scribble(memory.asSlice(part.offset(), part.length()), order.scribble());
    }
    if (order.kind() == TakeBackOrder.Kind.FREE) {
      offer.free();
    }
    if (!order.late()) {
      offer.complete();
    }
  }

  /** In no time, while a copy that should have ended goes on. */
  private void mark(Layout.Part part, TakeBackOrder order) {
    MemorySegment memory = offer.memory();
    for (int at = part.offset(); at < part.offset() + part.length(); at += MARK_BYTES) {
      memory.set(JAVA_BYTE, at, order.scribble());
    }
  }

  private void requireMarked(Layout.Part part, TakeBackOrder order) {
    MemorySegment memory = offer.memory();
    for (int at = part.offset(); at < part.offset() + part.length(); at += MARK_BYTES) {
      if (memory.get(JAVA_BYTE, at) != order.scribble()) {
        throw CommandException.failed(
            "Byte 0x%x was written when its memory had been taken back".formatted(at));
      }
    }
  }

  /** From the end to the start: a copy that should have ended meets it on its way. */
  private static void scribble(MemorySegment part, byte value) {
    for (long end = part.byteSize(); end > 0; end -= CHUNK_BYTES) {
      long start = Math.max(0, end - CHUNK_BYTES);
      part.asSlice(start, end - start).fill(value);
    }
  }

  /** Waits until it is done, and offers again what is still missing. */
  void end() {
    Thread running = thread;
    if (running != null) {
      try {
        running.join();
      } catch (InterruptedException e) {
        throw new AssertionError("Nobody knows this thread", e);
      }
    }
    Throwable thrown = failure;
    if (thrown != null) {
      throw CommandException.failed("Memory was not taken back or not offered again: " + thrown);
    }
    offer.complete();
  }
}
