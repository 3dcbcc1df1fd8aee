// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.transferengine.memory.Region;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.LogCapture;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TcpIo;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.Random;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * An engine on the loopback with one registered range, for tests; {@code -Dte.test.io=NIO} has all
 * of them run on another kernel interface.
 */
final class TestEngine implements AutoCloseable {
  final Engine engine;
  final Arena arena = Arena.ofShared();
  final MemorySegment memory;

  TestEngine(long bytes) {
    this(bytes, builder -> builder);
  }

  TestEngine(long bytes, UnaryOperator<EngineConfig.Builder> options) {
    engine =
        Engine.open(
            options
                .apply(
                    EngineConfig.builder("127.0.0.1")
                        .metadataServer("P2PHANDSHAKE")
                        .protocol("tcp")
                        .listenAddress("127.0.0.1")
                        .local(LocalMode.OFF) // or nothing would go over the network
                        .tcpIo(TcpIo.valueOf(System.getProperty("te.test.io", "AUTO")))
                        .tcpZeroCopyBytes(Integer.getInteger("te.test.zeroCopy", 0))
                        .transferTimeoutSeconds(30))
                .build());
    memory = arena.allocate(bytes, 4096);
    var _ = engine.register(memory);
  }

  long address() {
    return memory.address();
  }

  /** A transfer of one block of our memory, from its start. */
  Transfer submit(Operation operation, String target, long remote, long bytes) {
    return submit(operation, target, BlockColumns.of(address(), remote, bytes));
  }

  Transfer submit(Operation operation, String target, BlockColumns blocks) {
    return engine.submit(TransferRequest.of(operation, target, blocks));
  }

  Transfer submit(Operation operation, String target, BlockColumns blocks, Duration timeout) {
    return engine.submit(TransferRequest.of(operation, target, blocks).withTimeout(timeout));
  }

  static TransferState end(Transfer transfer) {
    try {
      return transfer.await(Duration.ofSeconds(30));
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  static void assertCompleted(Transfer transfer) {
    TransferState state = end(transfer);
    assertThat(state).as("%s", transfer.failure()).isEqualTo(TransferState.COMPLETED);
    assertThat(transfer.failure()).isEmpty();
  }

  /** {@return whether a target answers} */
  static boolean reaches(TestEngine engine, TestEngine target) {
    try {
      engine.engine.probe(target.engine.segmentName());
      return true;
    } catch (TransferException e) {
      return false;
    }
  }

  /** A target is not to be had, and the exception says this. */
  static void isTold(TestEngine initiator, TestEngine target, String... parts) {
    assertThatThrownBy(() -> initiator.engine.openSegment(target.engine.segmentName()))
        .isInstanceOfSatisfying(
            TransferException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.SOCKET);
              assertThat(e).hasMessageContainingAll(parts);
            });
  }

  static void assertFailed(Transfer transfer) {
    assertThat(end(transfer)).isEqualTo(TransferState.FAILED);
    assertThat(transfer.failure()).isPresent();
  }

  byte[] bytes(long offset, int length) {
    return memory.asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE);
  }

  void put(long offset, byte[] bytes) {
    MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, offset, bytes.length);
  }

  static byte[] random(long seed, int length) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  long count(Counter counter) {
    return engine.metrics().get(counter);
  }

  /** There is a warning with all of these parts in one line, or there soon is. */
  static void isWarned(LogCapture log, String... parts) {
    await()
        .untilAsserted(
            () ->
                assertThat(log.warnings())
                    .anyMatch(line -> Stream.of(parts).allMatch(line::contains)));
  }

  /** All of the one's memory is written to the other's. */
  static void serves(TestEngine there, TestEngine asking) {
    assertCompleted(
        asking.submit(
            Operation.WRITE,
            there.engine.segmentName(),
            there.address(),
            asking.memory.byteSize()));
  }

  static void eventually(String what, BooleanSupplier condition) {
    long end = System.nanoTime() + Duration.ofMinutes(1).toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as(what).isLessThan(end);
      try {
        Thread.sleep(2);
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
  }

  /** No transfer, inbound or outbound, has kept a use of any region. */
  void assertNothingInFlight() {
    for (Region region : engine.core().memory().regions().inOrder()) {
      eventually("in flight: " + region, () -> region.inFlight() == 0);
    }
  }

  @Override
  public void close() {
    try {
      assertNothingInFlight();
    } finally {
      engine.close();
      arena.close();
    }
  }
}
