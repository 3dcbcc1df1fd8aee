// SPDX-License-Identifier: Apache-2.0
package io.transferengine.buffers;

import io.transferengine.Transfer;
import io.transferengine.transfer.TransferException;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A transfer over counted buffers. Each is retained before the transfer begins, and released once
 * when it has ended, in whatever state. Until then the buffers are the transfer's: nobody else may
 * read or change their indices.
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
    List<CountedBuffer> held =
        List.copyOf(Objects.requireNonNull(buffers, "buffers must not be null"));
    int retained = 0;
    @Nullable Transfer transfer = null;
    try {
      for (CountedBuffer buffer : held) {
        buffer.retain();
        retained++;
      }
      transfer = submission.get();
      return new BufferTransfer(transfer, giveBackAtEnd(transfer, held));
    } catch (Throwable t) {
      if (transfer != null) {
        // Nobody waits for its end in our place.
        transfer.cancel();
        awaitEnd(transfer);
      }
      var _ = release(held.subList(0, retained), t);
      throw t;
    }
  }

  private static CompletableFuture<Void> giveBackAtEnd(
      Transfer transfer, List<CountedBuffer> held) {
    return transfer
        .toCompletableFuture()
        .handle(
            (_, failure) -> {
              @Nullable Throwable first = failure == null ? moved(held) : failure;
              first = release(held, first);
              if (first instanceof CompletionException wrapped) {
                throw wrapped;
              }
              if (first != null) {
                throw new CompletionException(first);
              }
              return null;
            });
  }

  /** {@return what the first of them threw; all are told} */
  private static @Nullable Throwable moved(List<CountedBuffer> held) {
    @Nullable Throwable first = null;
    for (CountedBuffer buffer : held) {
      try {
        buffer.moved();
      } catch (Throwable t) {
        first = first == null ? t : first;
      }
    }
    return first;
  }

  /** {@return the first failure; all are released} */
  private static @Nullable Throwable release(List<CountedBuffer> held, @Nullable Throwable before) {
    @Nullable Throwable first = before;
    for (CountedBuffer buffer : held) {
      try {
        buffer.release();
      } catch (Throwable t) {
        if (first == null) {
          first = t;
        } else if (first != t) {
          first.addSuppressed(t);
        }
      }
    }
    return first;
  }

  /** A transfer always ends: it has a deadline. */
  private static void awaitEnd(Transfer transfer) {
    boolean interrupted = false;
    while (!transfer.state().isTerminal()) {
      try {
        var _ = transfer.await(LOOK);
      } catch (InterruptedException e) {
        interrupted = true;
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
