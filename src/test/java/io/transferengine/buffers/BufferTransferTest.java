// SPDX-License-Identifier: Apache-2.0
package io.transferengine.buffers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.Allocation;
import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.RegistrationOptions;
import io.transferengine.Segment;
import io.transferengine.Transfer;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whatever is thrown, and wherever: a buffer is released as often as it was retained. */
@Timeout(60)
class BufferTransferTest {
  /** Counts, and fails where it is told to. */
  private static final class Counted implements CountedBuffer {
    private int users;
    private int moves;
    private @Nullable Throwable onRetain;
    private @Nullable Throwable onMoved;
    private @Nullable Throwable onRelease;

    @Override
    public synchronized void retain() {
      fail(onRetain);
      users++;
    }

    @Override
    public synchronized void release() {
      users--;
      fail(onRelease);
    }

    @Override
    public synchronized void moved() {
      moves++;
      fail(onMoved);
    }

    synchronized int users() {
      return users;
    }

    synchronized int moves() {
      return moves;
    }

    private static void fail(@Nullable Throwable failure) {
      if (failure instanceof Error error) {
        throw error;
      }
      if (failure instanceof RuntimeException exception) {
        throw exception;
      }
    }
  }

  private static Engine open() {
    return Engine.open(
        EngineConfig.builder("127.0.0.1")
            .metadataServer("P2PHANDSHAKE")
            .protocol("tcp")
            .local(LocalMode.OFF)
            .build());
  }

  @Test
  void aSubmissionThatThrowsGivesAllBack() {
    Counted first = new Counted();
    Counted second = new Counted();
    for (Throwable thrown : List.of(new OutOfMemoryError("a test"), new IllegalStateException())) {
      assertThatThrownBy(
              () ->
                  BufferTransfer.submit(
                      List.of(first, second),
                      () -> {
                        Counted.fail(thrown);
                        throw new AssertionError();
                      }))
          .isSameAs(thrown);
      assertThat(first.users() + second.users()).isZero();
    }
  }

  @Test
  void aBufferThatCannotBeRetainedGivesTheOthersBack() {
    Counted first = new Counted();
    Counted second = new Counted();
    second.onRetain = new OutOfMemoryError("a test");
    assertThatThrownBy(
            () ->
                BufferTransfer.submit(
                    List.of(first, second),
                    () -> {
                      throw new AssertionError();
                    }))
        .isSameAs(second.onRetain);
    assertThat(first.users() + second.users()).isZero();
  }

  @Test
  void allAreReleasedThoughIndicesCannotBeSet() {
    try (Engine here = open();
        Engine there = open();
        Allocation ours = here.allocate(4096);
        Allocation theirs = there.allocate(4096)) {
      Segment peer = here.openSegment(there.segmentName());
      Counted first = new Counted();
      first.onMoved = new OutOfMemoryError("a test");
      first.onRelease = new IllegalStateException("a test");
      Counted second = new Counted();
      BufferTransfer transfer =
          BufferTransfer.submit(
              List.of(first, second), () -> peer.write(ours.segment(), theirs.address()));
      assertThatThrownBy(() -> transfer.toCompletableFuture().join())
          .isInstanceOf(CompletionException.class)
          .hasCause(first.onMoved);
      assertThat(first.onMoved.getSuppressed()).containsExactly(first.onRelease);
      assertThat(first.users() + second.users()).isZero();
      assertThat(first.moves() + second.moves()).isEqualTo(2);
      assertThat(transfer.transfer().failure()).isEmpty();
    }
  }

  @Test
  void aSubmissionWithoutATransferGivesAllBack() {
    Counted buffer = new Counted();
    assertThatThrownBy(() -> BufferTransfer.submit(List.of(buffer), BufferTransferTest::nothing))
        .isInstanceOf(NullPointerException.class)
        .hasMessageContaining("submission");
    assertThat(buffer.users()).isZero();
  }

  @SuppressWarnings("NullAway") // What a caller may do whose code nobody checks
  private static Transfer nothing() {
    return null;
  }

  @Test
  void whatMayStillBeTouchedIsNotReleased() {
    Counted first = new Counted();
    Counted second = new Counted();
    BufferTransfer.Held held = new BufferTransfer.Held(List.of(first, second));
    held.retain();
    CompletableFuture<Void> transfer = new CompletableFuture<>();
    CompletableFuture<Void> end = transfer.copy().handle(held);
    TransferException busy = new TransferException(ErrorCode.BATCH_BUSY, "a test", "");
    boolean _ = transfer.completeExceptionally(busy);
    assertThatThrownBy(end::join).isInstanceOf(CompletionException.class).hasCause(busy);
    held.release(busy);
    assertThat(first.users()).isOne();
    assertThat(second.users()).isOne();
    assertThat(first.moves() + second.moves()).isZero();
  }

  @Test
  void anEndIsToldOnceThoughItIsGivenUp() {
    Counted buffer = new Counted();
    BufferTransfer.Held held = new BufferTransfer.Held(List.of(buffer));
    held.retain();
    held.release(new OutOfMemoryError("a test"));
    assertThat(held.apply(null, null)).isNull();
    held.release(new OutOfMemoryError("a test"));
    assertThat(buffer.users()).isZero();
    assertThat(buffer.moves()).isZero();
  }

  @Test
  void whatFailsIsReleasedAndHasNotMoved() {
    try (Engine here = open();
        Engine there = open();
        Allocation ours = here.allocate(4096)) {
      Segment peer = here.openSegment(there.segmentName());
      Counted buffer = new Counted();
      BufferTransfer transfer =
          BufferTransfer.submit(List.of(buffer), () -> peer.write(ours.segment(), 4096));
      assertThatThrownBy(() -> transfer.toCompletableFuture().join())
          .hasCauseInstanceOf(TransferException.class);
      assertThat(buffer.users()).isZero();
      assertThat(buffer.moves()).isZero();
    }
  }

  @Test
  void aRegistrationThatFailsKeepsNoBuffer() {
    try (Engine engine = open();
        RegisteredMemory memory = new RegisteredMemory(engine, RegistrationOptions.DEFAULT)) {
      Counted buffer = new Counted();
      assertThatThrownBy(() -> memory.register(4096, 4096, buffer))
          .isInstanceOf(TransferException.class);
      assertThat(buffer.users()).isZero();
      assertThat(memory.size()).isZero();
    }
  }

  @Test
  void aLookForAKnownPieceWaitsForNoRegistration() throws Exception {
    try (Engine engine = open();
        Arena arena = Arena.ofShared();
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      long address = arena.allocate(8192).address();
      RegisteredMemory memory = new RegisteredMemory(engine, RegistrationOptions.DEFAULT);
      assertThat(memory.register(address, 4096, new Counted())).isTrue();
      CountDownLatch begun = new CountDownLatch(1);
      CountDownLatch goesOn = new CountDownLatch(1);
      Future<Boolean> registered =
          threads.submit(() -> memory.register(address + 4096, 4096, new Slow(begun, goesOn)));
      try {
        begun.await();
        Future<Boolean> known = threads.submit(() -> memory.register(address, 4096, new Counted()));
        assertThat(known.get(5, TimeUnit.SECONDS)).isFalse();
      } finally {
        goesOn.countDown();
      }
      assertThat(registered.get(30, TimeUnit.SECONDS)).isTrue();
      memory.close();
    }
  }

  /** Stands for a registration that takes long. */
  private record Slow(CountDownLatch begun, CountDownLatch goesOn) implements CountedBuffer {
    @Override
    public void retain() {
      begun.countDown();
      try {
        goesOn.await();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }

    @Override
    public void release() {}

    @Override
    public void moved() {}
  }

  @Test
  void aPieceIsRegisteredOnceAndItsBufferKept() {
    try (Engine engine = open();
        Arena arena = Arena.ofShared()) {
      long address = arena.allocate(8192).address();
      RegisteredMemory memory = new RegisteredMemory(engine, RegistrationOptions.DEFAULT);
      Counted kept = new Counted();
      Counted other = new Counted();
      assertThat(memory.register(address, 8192, kept)).isTrue();
      assertThat(memory.register(address + 4096, 4096, other)).isFalse();
      assertThatThrownBy(() -> memory.register(address + 4096, 8192, other))
          .isInstanceOf(TransferException.class);
      assertThat(kept.users()).isEqualTo(1);
      assertThat(other.users()).isZero();
      memory.close();
      assertThat(kept.users()).isZero();
    }
  }
}
