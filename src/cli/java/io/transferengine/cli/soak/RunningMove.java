// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.Engine;
import io.transferengine.Transfer;
import io.transferengine.cli.faults.Deadline;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/**
 * A transfer of a request, submitted by one thread and awaited by another. The heap may be full
 * meanwhile: what the engine makes of that counts; what is only ours is done again until it works.
 */
final class RunningMove implements Runnable {
  /** When a transfer has not ended by then, it will not. */
  private static final Duration HUNG = Duration.ofSeconds(30);

  /** In a full heap, until something is tried again. */
  private static final int PAUSE_MILLIS = 2;

  private final Move move;
  private final MemorySegment memory;
  private final TransferRequest request;
  private final Duration longest;
  private final CountDownLatch ended = new CountDownLatch(1);
  private final Deadline deadline;
  private @Nullable Engine used;
  private @Nullable Transfer transfer;
  private @Nullable Throwable refused;
  private TransferState state = TransferState.FAILED;
  private boolean late;
  private boolean hung;
  private String clock = "";

  /**
   * Its time begins.
   *
   * @param base where the engine has the memory
   */
  RunningMove(Move move, MemorySegment memory, long base, Deadline deadline) {
    this.move = move;
    this.memory = memory;
    this.deadline = deadline;
    request = move.request(base);
    longest = Duration.ofMillis(move.limitMillis()).plus(HUNG);
  }

  /** Begins it; if the engine throws, it has failed. */
  void submit(Engine engine) {
    used = engine;
    try {
      transfer = engine.submit(request);
    } catch (TransferException | OutOfMemoryError e) {
      refused = e;
    }
  }

  /** Follows it to its end, and then writes over what did not complete. */
  @Override
  public void run() {
    Transfer submitted = transfer;
    if (submitted != null) {
      cancelInTime(submitted);
      state = await(submitted);
    }
    for (int i = 1; i < move.times() && state == TransferState.COMPLETED; i++) {
      state = again(i);
    }
    late = deadline.isLate();
    hung = deadline.isHung();
    while (!hasNoted()) {
      pause();
    }
    ended.countDown();
  }

  /** Does it once more, in the time that is left. One of many is canceled, at once. */
  private TransferState again(int index) {
    Engine engine = used;
    if (engine == null) {
      return TransferState.FAILED;
    }
    try {
      transfer = null;
      Transfer next = engine.submit(request.withTimeout(Duration.ofMillis(deadline.leftMillis())));
      transfer = next;
      if (index == move.cancelMillis()) {
        cancel(next);
      }
      return await(next);
    } catch (TransferException | OutOfMemoryError e) {
      refused = e;
      return TransferState.FAILED;
    }
  }

  private void cancelInTime(Transfer submitted) {
    if (move.cancelMillis() < 0 || move.times() > 1) {
      return;
    }
    pause(move.cancelMillis());
    cancel(submitted);
  }

  private static void cancel(Transfer submitted) {
    while (true) {
      try {
        boolean _ = submitted.cancel();
        return;
      } catch (OutOfMemoryError e) {
        pause(PAUSE_MILLIS);
      }
    }
  }

  private TransferState await(Transfer submitted) {
    while (true) {
      try {
        return submitted.await(longest);
      } catch (OutOfMemoryError e) {
        pause(PAUSE_MILLIS);
      } catch (InterruptedException e) {
        throw new AssertionError("Nobody knows this thread", e);
      }
    }
  }

  private boolean hasNoted() {
    try {
      if (state != TransferState.COMPLETED) {
        for (Move.Block block : move.blocks()) {
          memory.asSlice(block.here(), block.length()).fill(move.scribble());
        }
      }
      if (hung) {
        clock = deadline.toString();
      }
      return true;
    } catch (OutOfMemoryError e) {
      return false;
    }
  }

  /** In a full heap. */
  static void pause() {
    pause(PAUSE_MILLIS);
  }

  private static void pause(int millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      throw new AssertionError("Nobody knows this thread", e);
    } catch (OutOfMemoryError e) {
      // Then at once.
    }
  }

  /** Waits for its end, which always comes. */
  void awaitEnd() {
    while (true) {
      try {
        ended.await();
        return;
      } catch (InterruptedException e) {
        throw new AssertionError("Nobody knows this thread", e);
      } catch (OutOfMemoryError e) {
        pause();
      }
    }
  }

  /** {@return how it ended} */
  Outcome outcome() {
    Transfer submitted = transfer;
    if (submitted == null) {
      return new Outcome(state.name(), late, String.valueOf(refused));
    }
    if (!state.isTerminal() || hung) {
      return new Outcome(Outcome.HUNG, true, clock + ", " + state + ": " + submitted);
    }
    return new Outcome(
        state.name(), late, submitted.failure().map(TransferException::getMessage).orElse(""));
  }
}
