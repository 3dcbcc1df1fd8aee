// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.transferengine.device.SimulatedDevices;
import io.transferengine.device.SimulatedIpc;
import io.transferengine.engine.TransferHandle;
import io.transferengine.memory.Region;
import io.transferengine.testkit.Mapped;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What ends a transfer while a device copies for it, to or from a peer's device.
 *
 * <p>A copy that a device has begun cannot be stopped: the driver has no call for that. So nobody
 * gets memory back before the copy is over, and what ends the transfer is heard between two copies.
 * Between devices one copy is up to 64 MiB: a transfer that it covers is complete behind it,
 * whatever was asked for meanwhile, since every byte has arrived. The contract of all transports,
 * which wants the end that was asked for, is tested with transfers of more copies than one.
 */
@ParameterizedClass
@EnumSource
@Timeout(300)
class CopyUnderWayTest {
  private static final long SEED = Long.getLong("seed", System.nanoTime());
  private static final int BYTES = (5 << 20) + 77;
  private static final Duration LONG = Duration.ofSeconds(100);

  /** What is on our side. */
  enum Ours {
    /** It passes through a slot of 1 MiB, with a copy for each. */
    HOST("cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2"),
    /** One copy takes all. */
    DEVICE("cuMemcpyDtoDAsync_v2", "cuMemcpyDtoDAsync_v2");

    private final String write;
    private final String read;

    Ours(String write, String read) {
      this.write = write;
      this.read = read;
    }

    String call(Operation operation) {
      return operation == Operation.WRITE ? write : read;
    }
  }

  @TempDir static Path folder;

  private final Ours kind;
  private final SimulatedDevices ours =
      new SimulatedDevices(SEED, 1, 64 << 20, SimulatedIpc.in(folder));
  private final SimulatedDevices theirs =
      new SimulatedDevices(SEED + 1, 1, 64 << 20, SimulatedIpc.in(folder));
  private final Random random = new Random(SEED);
  private final DeviceEngine one = new DeviceEngine(ours);
  private final DeviceEngine other = new DeviceEngine(theirs);
  private final Mapped host = Mapped.of(BYTES);

  /** Used at least, so that the device can copy for host memory. */
  private final long device = one.register(ours.memory(0, BYTES), BYTES, "cuda:0");

  private final long here;
  private final long there = other.register(theirs.memory(0, BYTES), BYTES, "cuda:0");

  CopyUnderWayTest(Ours kind) {
    this.kind = kind;
    here = kind == Ours.HOST ? one.register(host.address(), BYTES, "*") : device;
  }

  @AfterEach
  void close() {
    ours.letGo();
    one.close();
    other.close();
    DeviceEngine.close(SEED, ours, theirs);
    host.close();
  }

  private byte[] news() {
    byte[] news = new byte[BYTES];
    random.nextBytes(news);
    return news;
  }

  private byte[] local() {
    return kind == Ours.HOST
        ? host.segment().toArray(ValueLayout.JAVA_BYTE)
        : ours.peek(here, BYTES);
  }

  private void fillLocal(byte[] news) {
    if (kind == Ours.HOST) {
      MemorySegment.copy(news, 0, host.segment(), ValueLayout.JAVA_BYTE, 0, news.length);
    } else {
      ours.poke(here, news);
    }
  }

  private byte[] source(Operation operation) {
    return operation == Operation.WRITE ? local() : theirs.peek(there, BYTES);
  }

  private byte[] destination(Operation operation) {
    return operation == Operation.WRITE ? theirs.peek(there, BYTES) : local();
  }

  private void fillDestination(Operation operation, byte[] news) {
    if (operation == Operation.WRITE) {
      theirs.poke(there, news);
    } else {
      fillLocal(news);
    }
  }

  private void fillSource(Operation operation, byte[] news) {
    if (operation == Operation.WRITE) {
      fillLocal(news);
    } else {
      theirs.poke(there, news);
    }
  }

  private void assertMoves(Operation operation) throws Exception {
    byte[] moved = news();
    fillSource(operation, moved);
    assertMoved(one.move(operation, other, BlockColumns.of(here, there, BYTES)));
    assertThat(destination(operation)).as("seed %d", SEED).isEqualTo(moved);
  }

  private static void assertMoved(TransferHandle transfer) {
    assertThat(transfer.state())
        .as(() -> transfer.failure() + ", seed " + SEED)
        .isEqualTo(TransferState.COMPLETED);
    assertThat(transfer.report().transport()).isEqualTo("local");
  }

  /** {@return a transfer that the device copies for, and goes on with when it is let go} */
  private TransferHandle held(Operation operation, Duration timeout) throws Exception {
    assertMoves(operation);
    fillSource(operation, news());
    int before = ours.plan().calls(kind.call(operation));
    ours.hold();
    TransferHandle moving =
        one.core.submit(
            TransferRequest.of(
                    operation, other.core.segmentName(), BlockColumns.of(here, there, BYTES))
                .withTimeout(timeout));
    await().until(() -> ours.plan().calls(kind.call(operation)) > before);
    return moving;
  }

  /** It has ended as it was asked to, unless all of it was in the one copy. */
  private void assertEnds(
      TransferHandle moving, Operation operation, TransferState state, ErrorCode code)
      throws Exception {
    TransferState end = moving.await(LONG);
    if (kind == Ours.DEVICE) {
      assertMoved(moving);
      assertThat(destination(operation)).isEqualTo(source(operation));
    } else {
      assertThat(end).isEqualTo(state);
      assertThat(moving.failure().orElseThrow().code()).isEqualTo(code);
    }
  }

  @ParameterizedTest
  @EnumSource
  void aCanceledTransferEndsBehindTheCopy(Operation operation) throws Exception {
    TransferHandle moving = held(operation, LONG);
    assertThat(moving.cancel()).isTrue();
    assertThat(moving.state().isTerminal()).isFalse();
    ours.letGo();
    assertEnds(moving, operation, TransferState.CANCELED, ErrorCode.CANCELED);
    assertUntouched(operation);
    assertMoves(operation);
  }

  @ParameterizedTest
  @EnumSource
  void aTransferWhoseTimeIsOverEndsBehindTheCopy(Operation operation) throws Exception {
    TransferHandle moving = held(operation, Duration.ofSeconds(1));
    moving.await(Duration.ofSeconds(3));
    assertThat(moving.state().isTerminal()).isFalse();
    ours.letGo();
    assertEnds(moving, operation, TransferState.TIMEOUT, ErrorCode.TIMEOUT);
    assertUntouched(operation);
    assertMoves(operation);
  }

  /** Nothing moves any more to where the bytes were to go. */
  private void assertUntouched(Operation operation) throws Exception {
    byte[] marks = news();
    fillDestination(operation, marks);
    // Behind whatever could be under way on the streams.
    assertMoved(one.move(Operation.READ, other, BlockColumns.of(here + BYTES - 1, there, 1)));
    assertThat(Arrays.copyOf(destination(operation), BYTES - 1))
        .isEqualTo(Arrays.copyOf(marks, BYTES - 1));
  }

  @ParameterizedTest
  @EnumSource
  void ourMemoryIsTakenBackOnlyBehindTheCopy(Operation operation) throws Exception {
    TransferHandle moving = held(operation, LONG);
    assertTakenBackBehindTheCopy(one, here);
    if (kind == Ours.DEVICE) {
      ours.freeMemory(here);
    }
    // Its memory is given back before its end is seen. What was left of it may have been copied
    // before it was failed.
    assertThat(moving.await(LONG))
        .isIn(
            TransferState.COMPLETED,
            kind == Ours.DEVICE ? TransferState.COMPLETED : TransferState.FAILED);
  }

  @ParameterizedTest
  @EnumSource
  void theirMemoryIsTakenBackOnlyBehindTheCopy(Operation operation) throws Exception {
    TransferHandle moving = held(operation, LONG);
    assertTakenBackBehindTheCopy(other, there);
    assertThat(ours.opened()).isZero();
    assertEnds(moving, operation, TransferState.FAILED, ErrorCode.ADDRESS_NOT_REGISTERED);
    // The simulated driver does not let memory go that another process has open.
    theirs.freeMemory(there);
  }

  private void assertTakenBackBehindTheCopy(DeviceEngine owner, long address) {
    Region registered = owner.core.memory().regions().find(address, BYTES);
    CompletableFuture<Void> takenBack =
        CompletableFuture.runAsync(() -> owner.core.memory().unregister(address));
    // It is refused before its copies have ended.
    await().until(() -> registered == null || registered.isRefused());
    assertThat(takenBack).isNotDone();
    ours.letGo();
    takenBack.join();
  }

  @ParameterizedTest
  @EnumSource
  void closingWaitsForTheCopy(Operation operation) throws Exception {
    TransferHandle moving = held(operation, LONG);
    CompletableFuture<Void> closed = CompletableFuture.runAsync(one::close);
    await().until(one.core::isClosed);
    assertThat(closed).isNotDone();
    ours.letGo();
    closed.join();
    // It may have been quicker than the close.
    assertThat(moving.await(LONG)).isIn(TransferState.FAILED, TransferState.COMPLETED);
  }

  @ParameterizedTest
  @EnumSource
  void aPeerThatClosesWaitsForTheCopy(Operation operation) throws Exception {
    TransferHandle moving = held(operation, LONG);
    CompletableFuture<Void> closed = CompletableFuture.runAsync(other::close);
    await().until(other.core::isClosed);
    assertThat(closed).isNotDone();
    ours.letGo();
    closed.join();
    assertThat(ours.opened()).isZero();
    theirs.freeMemory(there);
    assertThat(moving.await(LONG)).isIn(TransferState.FAILED, TransferState.COMPLETED);
  }
}
