// SPDX-License-Identifier: Apache-2.0
package io.transferengine.buffers;

import io.transferengine.EngineConfig;
import io.transferengine.Transfer;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A transfer over counted buffers. Each is retained before the transfer begins, and released once
 * when it has ended, in whatever state. Until then the buffers are the transfer's: nobody else may
 * read or change their indices.
 *
 * <p>They are released where futures complete, on the engine's executor: code of buffers may take
 * long, and threads that move bytes must not wait. An executor of the caller's ({@link
 * EngineConfig.Builder#executor}) that takes tasks and does not run them keeps them retained.
 *
 * <p>One end releases nothing: that with the code {@link ErrorCode#BATCH_BUSY}, after a mistake in
 * the engine. Then something may still touch the memory, and the buffers stay retained until the
 * process ends.
 */
public final class BufferTransfer {
  private static final Duration LOOK = Duration.ofSeconds(1);

  private final Transfer transfer;
  private final CompletableFuture<Void> end;

  private BufferTransfer(Transfer transfer, CompletableFuture<Void> end) {
    this.transfer = transfer;
    this.end = end;
  }

  /**
   * Retains all buffers and begins a transfer over them; does not block. When this throws, none is
   * retained any more.
   *
   * @param buffers all buffers whose memory the transfer uses
   * @param submission begins the transfer
   * @return the transfer
   * @throws TransferException as what {@code submission} calls
   */
  public static BufferTransfer submit(
      List<? extends CountedBuffer> buffers, Supplier<Transfer> submission) {
    Objects.requireNonNull(submission, "submission must not be null");
    Held held = new Held(List.copyOf(Objects.requireNonNull(buffers, "buffers must not be null")));
    Transfer transfer;
    try {
      held.retain();
      transfer = Objects.requireNonNull(submission.get(), "submission must not return null");
    } catch (Throwable t) {
      held.release(t);
      throw t;
    }
    try {
      return new BufferTransfer(transfer, transfer.toCompletableFuture().handle(held));
    } catch (Throwable t) {
      // Perhaps nobody waits for its end in our place.
      endNow(transfer);
      if (!mayBeTouched(transfer)) {
        held.release(t);
      }
      throw t;
    }
  }

  /**
   * What is retained, and what is done at the end. It needs no memory to release: in a full heap
   * every buffer is released all the same, and once.
   */
  static final class Held
      implements BiFunction<@Nullable Void, @Nullable Throwable, @Nullable Void> {
    private final CountedBuffer[] buffers;
    private final AtomicBoolean isOver = new AtomicBoolean();
    private int retained;

    Held(List<CountedBuffer> buffers) {
      this.buffers = buffers.toArray(new CountedBuffer[0]);
    }

    /** Before the transfer begins. */
    void retain() {
      while (retained < buffers.length) {
        buffers[retained].retain();
        retained++;
      }
    }

    /** The transfer has ended. */
    @Override
    public @Nullable Void apply(@Nullable Void nothing, @Nullable Throwable failure) {
      if (!isOver.compareAndSet(false, true)) {
        return null; // Nobody asks for this future.
      }
      @Nullable Throwable first = failure == null ? moved() : failure;
      if (!mayBeTouched(failure)) {
        first = releaseAll(first);
      }
      if (first instanceof CompletionException wrapped) {
        throw wrapped;
      }
      if (first != null) {
        throw new CompletionException(first);
      }
      return null;
    }

    /** {@return whether an end is one that the engine could not make safe} */
    static boolean mayBeTouched(@Nullable Throwable failure) {
      Throwable why = failure instanceof CompletionException ? failure.getCause() : failure;
      return why instanceof TransferException end && end.code() == ErrorCode.BATCH_BUSY;
    }

    /** Releases what is retained, unless the transfer's end has done that. */
    void release(Throwable why) {
      if (isOver.compareAndSet(false, true)) {
        var _ = releaseAll(why);
      }
    }

    /** {@return what the first of them threw; all are told} */
    private @Nullable Throwable moved() {
      @Nullable Throwable first = null;
      for (int i = 0; i < retained; i++) {
        try {
          buffers[i].moved();
        } catch (Throwable t) {
          first = first == null ? t : first;
        }
      }
      return first;
    }

    /** {@return the first failure; all are released} */
    private @Nullable Throwable releaseAll(@Nullable Throwable before) {
      @Nullable Throwable first = before;
      for (int i = 0; i < retained; i++) {
        try {
          buffers[i].release();
        } catch (Throwable t) {
          first = both(first, t);
        }
      }
      return first;
    }

    private static Throwable both(@Nullable Throwable first, Throwable later) {
      if (first == null) {
        return later;
      }
      try {
        if (first != later) {
          first.addSuppressed(later);
        }
      } catch (Throwable unsaid) {
        // There may be no memory to note it. The next buffer matters more.
      }
      return first;
    }
  }

  private static boolean mayBeTouched(Transfer ended) {
    try {
      return ended.state() == TransferState.FAILED
          && Held.mayBeTouched(ended.failure().orElse(null));
    } catch (Throwable unknown) {
      return true; // Rather kept for ever than freed too early.
    }
  }

  /** Cancels it and waits. A transfer always ends, canceled or not: it has a deadline. */
  private static void endNow(Transfer transfer) {
    try {
      boolean _ = transfer.cancel();
    } catch (Throwable notCanceled) {
      // Such as no memory. Then the deadline ends it.
    }
    boolean interrupted = false;
    while (!transfer.state().isTerminal()) {
      try {
        var _ = transfer.await(LOOK);
      } catch (InterruptedException e) {
        interrupted = true;
      } catch (Throwable noMemory) {
        Thread.onSpinWait();
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** {@return the handle, to look at it or to cancel it} It may have ended a little earlier. */
  public Transfer transfer() {
    return transfer;
  }

  /**
   * {@return a future that completes when the transfer has ended, indices are set and the buffers
   * are released: normally, or with the {@link TransferException} of {@link Transfer#failure}}
   *
   * <p>Cancelling it does not cancel the transfer.
   */
  public CompletableFuture<Void> toCompletableFuture() {
    return end.copy();
  }

  /** {@return what it moves and how far it is, for people} */
  @Override
  public String toString() {
    return transfer.toString();
  }
}
