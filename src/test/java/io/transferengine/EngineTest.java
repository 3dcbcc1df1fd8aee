// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.metrics.Counter;
import io.transferengine.testkit.Mapped;
import io.transferengine.testkit.Pattern;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.BlockLayout;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.SynchronousQueue;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The typed API against an engine in another process. */
@Timeout(60)
class EngineTest {
  private static final int LENGTH = 1 << 20;
  private static final Duration LONG = Duration.ofSeconds(30);

  private static final PeerProcess peer = PeerProcess.start();
  private static final Engine engine =
      Engine.open(EngineConfig.builder("127.0.0.1").protocol("tcp").build());
  private static long remote;

  @BeforeAll
  static void open() {
    peer.initialize("127.0.0.1");
    remote = peer.allocate(LENGTH);
  }

  @AfterAll
  static void close() {
    engine.close();
    peer.close();
  }

  private static void assertRefused(ErrorCode code, ThrowingCallable call, String... parts) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(TransferException.class, e -> assertThat(e.code()).isEqualTo(code))
        .satisfies(e -> assertThat(List.of(parts)).allMatch(e.toString()::contains));
  }

  private static Transfer completed(TransferRequest request) throws InterruptedException {
    Transfer transfer = engine.submit(request);
    assertThat(transfer.await(LONG))
        .as("%s", transfer.failure())
        .isEqualTo(TransferState.COMPLETED);
    return transfer;
  }

  @Test
  void heapMemoryIsRefusedWithTheReason() {
    MemorySegment heap = MemorySegment.ofArray(new byte[10]);
    ByteBuffer buffer = ByteBuffer.allocate(10);
    String[] why = {"heap", "garbage collector", "Engine.allocate"};
    assertRefused(ErrorCode.INVALID_ARGUMENT, () -> engine.register(heap), why);
    assertRefused(ErrorCode.INVALID_ARGUMENT, () -> engine.register(buffer), why);
    assertRefused(
        ErrorCode.INVALID_ARGUMENT, () -> TransferRequest.write(peer.name(), heap, 1), why);
    assertRefused(
        ErrorCode.INVALID_ARGUMENT, () -> TransferRequest.read(peer.name(), heap, 1), why);
    assertRefused(
        ErrorCode.INVALID_ARGUMENT, () -> TransferRequest.write(peer.name(), buffer, 1), why);
    assertRefused(
        ErrorCode.INVALID_ARGUMENT, () -> TransferRequest.read(peer.name(), buffer, 1), why);
  }

  @Test
  void closedAndReadOnlyMemoryIsRefused() {
    Arena arena = Arena.ofShared();
    MemorySegment gone = arena.allocate(100);
    arena.close();
    assertRefused(ErrorCode.INVALID_ARGUMENT, () -> engine.register(gone), "closed");
    ByteBuffer readOnly = ByteBuffer.allocateDirect(10).asReadOnlyBuffer();
    assertRefused(ErrorCode.INVALID_ARGUMENT, () -> engine.register(readOnly), "read-only");
  }

  @Test
  void readOnlyMemoryIsASourceAndNoDestination() throws InterruptedException {
    try (Allocation mine = engine.allocate(64)) {
      MemorySegment segment = mine.segment().asReadOnly();
      ByteBuffer buffer = mine.segment().asByteBuffer().asReadOnlyBuffer();
      ErrorCode code = ErrorCode.INVALID_ARGUMENT;
      String name = peer.name();
      assertRefused(code, () -> TransferRequest.read(name, segment, remote), "read-only");
      assertRefused(code, () -> TransferRequest.read(name, buffer, remote), "read-only");
      assertRefused(code, () -> engine.register(segment), "read-only");
      Pattern.fill(mine.segment(), 8, 0);
      completed(TransferRequest.write(name, segment, remote));
      assertThat(peer.mismatch(remote, 64, 8)).isEqualTo(-1);
      Pattern.fill(mine.segment(), 9, 0);
      completed(TransferRequest.write(name, buffer, remote));
      assertThat(peer.mismatch(remote, 64, 9)).isEqualTo(-1);
    }
  }

  @Test
  void theConfinedMemoryOfAnotherThreadIsRefused() throws Exception {
    BlockingQueue<MemorySegment> handed = new SynchronousQueue<>();
    CountDownLatch done = new CountDownLatch(1);
    Thread owner =
        Thread.ofPlatform()
            .daemon()
            .start(
                () -> {
                  try (Arena arena = Arena.ofConfined()) {
                    handed.put(arena.allocate(4096));
                    done.await();
                  } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                  }
                });
    MemorySegment theirs = handed.take();
    ErrorCode code = ErrorCode.INVALID_ARGUMENT;
    String[] why = {"confined", "another thread", "Arena.ofShared"};
    assertRefused(code, () -> engine.register(theirs), why);
    assertRefused(code, () -> TransferRequest.write(peer.name(), theirs, remote), why);
    assertRefused(code, () -> TransferRequest.read(peer.name(), theirs, remote), why);
    done.countDown();
    owner.join();
    try (Arena arena = Arena.ofConfined();
        Registration own = engine.register(arena.allocate(4096))) {
      assertThat(own.length()).as("its own thread's is taken").isEqualTo(4096);
    }
  }

  @Test
  void overlapsNameTheOtherRegistration() {
    try (Mapped mine = Mapped.of(8192);
        Registration registration = engine.register(mine.segment().asSlice(0, 4096))) {
      assertThat(registration.address()).isEqualTo(mine.address());
      assertThat(registration.length()).isEqualTo(4096);
      assertRefused(
          ErrorCode.ADDRESS_OVERLAPPED,
          () -> engine.register(mine.segment().asSlice(4000, 200)),
          "0x" + Long.toHexString(mine.address()));
    }
  }

  @Test
  void registrationsAndAllocationsCloseTwice() {
    try (Mapped mine = Mapped.of(4096)) {
      Registration registration = engine.register(mine.address(), 4096, "cpu:0");
      registration.close();
      Registration again = engine.register(mine.segment());
      registration.close();
      assertThat(engine.core().memory().regions().byAddress(mine.address()))
          .as("closing the first one twice leaves the second alone")
          .isNotNull();
      again.close();
    }
    Allocation allocation = engine.allocate(5000);
    assertThat(allocation.length()).isEqualTo(5000);
    assertThat(allocation.segment().byteSize()).isEqualTo(5000);
    allocation.close();
    Allocation next = engine.allocate(5000);
    allocation.close();
    assertThat(next.address())
        .as("the same block, handed out again")
        .isEqualTo(allocation.address());
    TransferRequest write = TransferRequest.write(peer.name(), next.segment(), remote);
    assertThat(engine.submit(write).failure()).isEmpty();
    next.close();
    assertRefused(ErrorCode.ADDRESS_NOT_REGISTERED, () -> engine.submit(write));
  }

  @Test
  void segmentsAndDirectBuffersMove() throws InterruptedException {
    try (Allocation mine = engine.allocate(LENGTH)) {
      Pattern.fill(mine.segment(), 1, 0);
      Transfer write = completed(TransferRequest.write(peer.name(), mine.segment(), remote));
      assertThat(write.transferredBytes()).isEqualTo(LENGTH);
      assertThat(write.failure()).isEmpty();
      assertThat(write.cancel()).as("it has ended").isFalse();
      assertThat(peer.mismatch(remote, LENGTH, 1)).isEqualTo(-1);
    }
    ByteBuffer buffer = ByteBuffer.allocateDirect(3000);
    try (Registration _ = engine.register(buffer)) {
      peer.fill(remote, 3000, 2);
      buffer.position(1000).limit(2000);
      completed(TransferRequest.read(peer.name(), buffer, remote + 1000));
      assertThat(buffer.position()).isEqualTo(1000);
      MemorySegment all = MemorySegment.ofBuffer(buffer.clear());
      assertThat(Pattern.firstMismatch(all.asSlice(1000, 1000), 2, 1000)).isEqualTo(-1);
      assertThat(all.asSlice(0, 1000).mismatch(MemorySegment.ofArray(new byte[1000])))
          .isEqualTo(-1);
      assertThat(all.asSlice(2000).mismatch(MemorySegment.ofArray(new byte[1000]))).isEqualTo(-1);
    }
  }

  @Test
  void pagesGoByIndices() throws InterruptedException {
    int[] from = {7, 0, 3, 4, 5};
    int[] to = {1, 2, 10, 11, 12};
    peer.zero(remote, 16 * 8192);
    try (Allocation mine = engine.allocate(8 * 4096)) {
      Pattern.fill(mine.segment(), 3, 0);
      BlockColumns pages =
          BlockColumns.paged(
              new BlockLayout(mine.address(), 4096, 4096, from),
              new BlockLayout(remote, 8192, 4096, to));
      assertThat(pages.totalBytes()).isEqualTo(5 * 4096);
      completed(TransferRequest.of(Operation.WRITE, peer.name(), pages));
      for (int i = 0; i < from.length; i++) {
        assertThat(peer.mismatch(remote + to[i] * 8192L, 4096, 3, from[i] * 4096L)).isEqualTo(-1);
        assertThat(peer.ask("byte", remote + to[i] * 8192L + 4096, 1L)).isEqualTo("0");
      }
      mine.segment().fill((byte) 0);
      completed(TransferRequest.of(Operation.READ, peer.name(), pages));
      for (int page : from) {
        assertThat(
                Pattern.firstMismatch(mine.segment().asSlice(page * 4096L, 4096), 3, page * 4096L))
            .isEqualTo(-1);
      }
      assertThat(mine.segment().asSlice(4096, 8192).mismatch(Mapped.at(remoteZeros(), 8192)))
          .as("pages 1 and 2 were not asked for")
          .isEqualTo(-1);
    }
  }

  private static long remoteZeros() {
    return ZEROS.address();
  }

  private static final Mapped ZEROS = Mapped.of(8192);

  @Test
  void layoutsThatDoNotMatchAreRefused() {
    assertRefused(
        ErrorCode.INVALID_ARGUMENT,
        () ->
            BlockColumns.paged(
                new BlockLayout(4096, 10, 10, new int[2]),
                new BlockLayout(4096, 10, 10, new int[3])),
        "2",
        "3");
    assertRefused(
        ErrorCode.INVALID_ARGUMENT,
        () ->
            BlockColumns.paged(
                new BlockLayout(4096, 10, 10, new int[2]),
                new BlockLayout(4096, 10, 9, new int[2])));
    assertRefused(
        ErrorCode.INVALID_ARGUMENT, () -> new BlockLayout(4096, 10, 10, new int[] {-1}), "-1");
    assertRefused(
        ErrorCode.TOO_MANY_REQUESTS,
        () -> BlockColumns.of(new long[1_000_001], new long[1_000_001], new long[1_000_001]),
        "1000001");
  }

  @Test
  void segmentsShowWhatIsRegisteredAndRefresh() {
    Segment segment = engine.openSegment(peer.name());
    assertThat(segment.name()).isEqualTo(peer.name());
    int before = segment.refresh().buffers().size();
    assertThat(before).isPositive();
    long more = peer.map(4096);
    assertThat(peer.call("registerMemory", more, 4096)).isZero();
    assertThat(segment.buffers()).as("as last heard").hasSize(before);
    assertThat(engine.openSegment(peer.name()).buffers()).as("it is cached").hasSize(before);
    assertThat(segment.refresh().buffers())
        .hasSize(before + 1)
        .last()
        .satisfies(
            buffer -> {
              assertThat(buffer.address()).isEqualTo(more);
              assertThat(buffer.length()).isEqualTo(4096);
              assertThat(buffer.name()).as("a TCP peer's own name").isEqualTo(peer.name());
              assertThat(buffer.location()).as("it does not say").isEqualTo("*");
              assertThat(buffer).isEqualTo(segment.buffers().getLast());
            });
    assertThat(peer.call("unregisterMemory", more)).isZero();
    assertThat(segment.refresh().buffers()).hasSize(before);
    assertThatThrownBy(() -> engine.openSegment("127.0.0.1:1"))
        .isInstanceOfSatisfying(
            TransferException.class, e -> assertThat(e.peer()).contains("127.0.0.1:1"));
    assertThatThrownBy(() -> engine.openSegment("no port here"))
        .isInstanceOf(TransferException.class);
  }

  @Test
  void warmUpOpensTheWay() throws InterruptedException {
    try (Engine cold = Engine.open(EngineConfig.builder("127.0.0.1").protocol("tcp").build())) {
      cold.warmUp(peer.name());
      long end = System.nanoTime() + LONG.toNanos();
      while (cold.metrics().get(Counter.CONNECTIONS_OPENED) == 0) {
        assertThat(System.nanoTime()).as("no connection was opened").isLessThan(end);
        Thread.sleep(5);
      }
      assertThat(cold.metrics().get(Counter.TRANSFERS_SUBMITTED)).isZero();
      assertThatThrownBy(() -> cold.warmUp("127.0.0.1:1")).isInstanceOf(TransferException.class);
    }
  }

  @Test
  void allocationsThatCannotBeThrow() {
    assertRefused(ErrorCode.INVALID_ARGUMENT, () -> engine.allocate(0), "0");
    assertRefused(ErrorCode.INVALID_ARGUMENT, () -> engine.allocate(-5), "-5");
    assertThatThrownBy(() -> engine.allocate(1L << 40))
        .isInstanceOf(TransferException.class)
        .hasMessageContaining("TE_MANAGED_MEMORY_LIMIT_BYTES");
  }

  @Test
  void afterCloseEveryMethodThrows() {
    Engine closed = Engine.open(EngineConfig.builder("127.0.0.1").protocol("tcp").build());
    Allocation allocation = closed.allocate(100);
    TransferRequest write =
        TransferRequest.of(
            Operation.WRITE, peer.name(), BlockColumns.of(allocation.address(), remote, 1));
    closed.close();
    closed.close();
    allocation.close();
    ErrorCode code = ErrorCode.CLOSED;
    assertRefused(code, () -> closed.allocate(1), "closed");
    assertRefused(code, () -> closed.register(ByteBuffer.allocateDirect(1)), "closed");
    assertRefused(code, () -> closed.register(ZEROS.address(), 1, "*"), "closed");
    assertRefused(code, () -> closed.submit(write), "closed");
    assertRefused(code, () -> closed.openSegment(peer.name()), "closed");
    assertRefused(code, () -> closed.warmUp(peer.name()), "closed");
    assertRefused(code, () -> closed.probe(peer.name()), "closed");
    assertRefused(
        code, () -> closed.sendNotify(peer.name(), new TransferNotify("a", "b")), "closed");
    assertRefused(code, closed::takeNotifies, "closed");
    assertRefused(code, closed::topologyJson, "closed");
    assertThat(Arrays.asList(closed.metrics().get(Counter.BYTES_READ))).containsExactly(0L);
  }
}
