// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.cli.bench.FreePorts;
import io.transferengine.testkit.Mapped;
import io.transferengine.testkit.Pattern;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Peers that stand still or die in the middle, memory that is taken back in the middle, callers
 * that give up in the middle. A stopped process keeps its connections open and takes what fits into
 * the kernel's buffers, so that a large transfer stays in flight for as long as a test wants.
 */
@Timeout(60)
class FaultTest {
  /** More than the socket buffers of both ends hold. */
  private static final long LENGTH = 96L << 20;

  private static final Duration LONG = Duration.ofSeconds(30);

  private PeerProcess peer = PeerProcess.start();
  private final List<Thread> callers = new ArrayList<>();
  private TransferEngine engine = new TransferEngine();
  private Mapped mine = Mapped.of(LENGTH);
  private long remote;

  @BeforeEach
  void open() {
    peer.initialize("127.0.0.1");
    remote = peer.map(LENGTH);
    assertThat(peer.call("registerMemory", remote, LENGTH)).isZero();
    assertThat(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "")).isZero();
    assertThat(engine.registerMemory(mine.address(), LENGTH)).isZero();
  }

  @AfterEach
  void close() {
    peer.close();
    engine.close();
    mine.close();
  }

  private void assertWorks(long seed) {
    Pattern.fill(mine.segment().asSlice(0, 100_000), seed, 0);
    assertThat(engine.transferSyncWrite(peer.name(), mine.address(), remote, 100_000)).isZero();
    assertThat(peer.mismatch(remote, 100_000, seed)).isEqualTo(-1);
  }

  private FutureTask<Integer> inBackground(java.util.concurrent.Callable<Integer> call) {
    FutureTask<Integer> task = new FutureTask<>(call);
    callers.add(Thread.ofPlatform().daemon().start(task));
    return task;
  }

  /** Until all calls in the background have come to where they wait for the peer. */
  private void awaitCallsThatWait() {
    for (Thread caller : callers) {
      eventually(caller + " waits", () -> waitsInTheEngine(caller.getStackTrace()));
    }
  }

  /** A thread waits in a native method: it parks, or reads from a socket. */
  private static boolean waitsInTheEngine(StackTraceElement[] stack) {
    return stack.length > 0
        && stack[0].isNativeMethod()
        && Arrays.stream(stack)
            .anyMatch(
                frame ->
                    frame.getClassName().startsWith("io.transferengine.engine.")
                        || frame.getClassName().startsWith("io.transferengine.handshake."));
  }

  /** Lanes that have had two answers carry several transfers at once. */
  private void assertLanesAreShared(long seed) {
    for (int i = 0; i < 12; i++) {
      assertWorks(seed);
    }
  }

  @Test
  void anInterruptedCallCancelsItsTransferOnly() throws Exception {
    assertLanesAreShared(1);
    peer.stop();
    // Begun first, on a lane that the large one then fills.
    Pattern.fill(mine.segment().asSlice(LENGTH - 1000, 1000), 20, 0);
    long other =
        engine.transferSubmitWrite(peer.name(), mine.address() + LENGTH - 1000, remote, 1000);
    assertThat(other).isPositive();
    AtomicBoolean flag = new AtomicBoolean();
    FutureTask<Integer> call =
        new FutureTask<>(
            () -> {
              int status =
                  engine.transferSyncWrite(
                      peer.name(), mine.address(), remote + 4096, LENGTH - 4096);
              flag.set(Thread.currentThread().isInterrupted());
              return status;
            });
    Thread caller = Thread.ofPlatform().daemon().start(call);
    eventually("it waits", () -> caller.getState() == Thread.State.TIMED_WAITING);
    assertThat(call.isDone()).isFalse();
    caller.interrupt();
    assertThat(call.get(60, TimeUnit.SECONDS)).isEqualTo(-1);
    assertThat(flag).as("the flag is kept").isTrue();
    assertThat(engine.transferCheckStatus(other)).as("the other transfer goes on").isZero();
    peer.resume();
    assertThat(engine.getBatchTransferStatus(new long[] {other}))
        .as("the other transfer to the same peer")
        .isZero();
    assertThat(peer.mismatch(remote, 1000, 20)).isEqualTo(-1);
    assertWorks(2);
  }

  @Test
  void aCallerInterruptedBeforehandGetsMinusOne() {
    Thread.currentThread().interrupt();
    int status = engine.transferSyncRead(peer.name(), mine.address(), remote, LENGTH);
    assertThat(Thread.interrupted()).isTrue();
    assertThat(status).isEqualTo(-1);
    Thread.currentThread().interrupt();
    status = engine.sendProbe(peer.name());
    assertThat(Thread.interrupted()).isTrue();
    assertThat(status).isNegative();
    assertWorks(3);
  }

  @Test
  void closingEndsCallsThatWait() throws Exception {
    assertWorks(4);
    peer.stop();
    FutureTask<Integer> write =
        inBackground(() -> engine.transferSyncWrite(peer.name(), mine.address(), remote, LENGTH));
    FutureTask<Integer> read =
        inBackground(() -> engine.transferSyncRead(peer.name(), mine.address(), remote, LENGTH));
    long id = engine.transferSubmitRead(peer.name(), mine.address(), remote, LENGTH);
    FutureTask<Integer> status = inBackground(() -> engine.getBatchTransferStatus(new long[] {id}));
    FutureTask<Integer> probe = inBackground(() -> engine.sendProbe(peer.name()));
    FutureTask<Integer> notify = inBackground(() -> engine.sendNotify(peer.name(), "n", "m"));
    FutureTask<Integer> address =
        inBackground(() -> (int) engine.getFirstBufferAddress(peer.name()));
    awaitCallsThatWait();
    assertThat(List.of(write, read, status, probe, notify, address)).noneMatch(FutureTask::isDone);
    engine.close();
    assertThat(write.get(60, TimeUnit.SECONDS)).isEqualTo(-1);
    assertThat(read.get(60, TimeUnit.SECONDS)).isEqualTo(-1);
    assertThat(status.get(60, TimeUnit.SECONDS)).isEqualTo(-1);
    assertThat(probe.get(60, TimeUnit.SECONDS)).isEqualTo(-1);
    assertThat(notify.get(60, TimeUnit.SECONDS)).isEqualTo(-1);
    assertThat(address.get(60, TimeUnit.SECONDS)).isZero();
    // Nothing may touch the memory any more: if something did, this JVM would crash.
    mine.close();
    peer.resume();
    assertThat(peer.call("getRpcPort")).isPositive();
  }

  @Test
  void unregisteringEndsOutgoingTransfers() throws Exception {
    assertWorks(5);
    int port = RawInitiator.dataPort(Integer.parseInt(peer.name().split(":", -1)[1]));
    peer.stop();
    long write = engine.transferSubmitWrite(peer.name(), mine.address(), remote, LENGTH);
    long read = engine.transferSubmitRead(peer.name(), mine.address(), remote, LENGTH);
    eventually("both are under way", () -> KernelQueues.unreadConnections(port) >= 2);
    assertThat(engine.unregisterMemory(mine.address())).isZero();
    assertThat(engine.transferCheckStatus(write)).isEqualTo(-1);
    assertThat(engine.transferCheckStatus(read)).isEqualTo(-1);
    mine.close();
    peer.resume();
    assertThat(peer.call("getRpcPort")).isPositive();
    mine = Mapped.of(LENGTH);
    assertThat(engine.registerMemory(mine.address(), LENGTH)).isZero();
    assertWorks(6);
  }

  @Test
  void freeingEndsOutgoingTransfersOverThatBufferOnly() throws Exception {
    long doomed = engine.allocateManagedBuffer(LENGTH / 2);
    long kept = engine.allocateManagedBuffer(1000);
    assertLanesAreShared(7);
    peer.stop();
    // Begun first, on a lane that the large one then fills.
    Pattern.fill(Mapped.at(kept, 1000), 21, 0);
    long other = engine.transferSubmitWrite(peer.name(), kept, remote, 1000);
    long write = engine.transferSubmitWrite(peer.name(), doomed, remote + 4096, LENGTH / 2);
    assertThat(engine.freeManagedBuffer(doomed, LENGTH / 2)).isZero();
    assertThat(engine.transferCheckStatus(write)).isEqualTo(-1);
    assertThat(engine.transferCheckStatus(other)).isZero();
    peer.resume();
    assertThat(engine.getBatchTransferStatus(new long[] {other})).isZero();
    assertThat(peer.mismatch(remote, 1000, 21)).isEqualTo(-1);
    assertWorks(8);
  }

  /** The peer writes into us and stands still in the middle of the body. */
  @Test
  void unregisteringCutsIncomingWritesOff() throws Exception {
    long id = inboundWriteStoppedInTheMiddle(mine.address());
    assertThat(engine.unregisterMemory(mine.address())).isZero();
    mine.fill(10);
    peer.resume();
    assertThat(peer.call("getBatchTransferStatus", new long[] {id})).isEqualTo(-1);
    assertThat(Pattern.firstMismatch(mine.segment(), 10, 0))
        .as("nothing arrives after the unregistration")
        .isEqualTo(-1);
    assertThat(engine.registerMemory(mine.address(), LENGTH)).isZero();
    assertWorks(11);
    assertThat(peer.call("transferSyncWrite", ownName(), remote, mine.address(), 1000)).isZero();
  }

  @Test
  void freeingCutsIncomingWritesOff() throws Exception {
    long managed = engine.allocateManagedBuffer(LENGTH);
    long id = inboundWriteStoppedInTheMiddle(managed);
    assertThat(engine.freeManagedBuffer(managed, LENGTH)).isZero();
    peer.resume();
    assertThat(peer.call("getBatchTransferStatus", new long[] {id})).isEqualTo(-1);
    assertWorks(17);
  }

  @Test
  void aPeerKilledInTheMiddleOfABodyLeavesNothingBehind() throws Exception {
    inboundWriteStoppedInTheMiddle(mine.address());
    peer.kill();
    assertThat(engine.unregisterMemory(mine.address())).isZero();
    mine.close();
    mine = Mapped.of(LENGTH);
    assertThat(engine.registerMemory(mine.address(), LENGTH)).isZero();
    peer = PeerProcess.initialized(Map.of());
    remote = peer.map(LENGTH);
    assertThat(peer.call("registerMemory", remote, LENGTH)).isZero();
    assertWorks(18);
  }

  @Test
  void submittingToAPeerThatDoesNotAnswerDoesNotBlock() {
    peer.stop();
    Pattern.fill(mine.segment().asSlice(0, 1000), 19, 0);
    long id = engine.transferSubmitWrite(peer.name(), mine.address(), remote, 1000);
    assertThat(id).isPositive();
    assertThat(engine.transferCheckStatus(id)).isZero();
    assertThat(engine.transferCheckStatus(id)).as("any number of times").isZero();
    peer.resume();
    assertThat(engine.getBatchTransferStatus(new long[] {id})).isZero();
    assertThat(peer.mismatch(remote, 1000, 19)).isEqualTo(-1);
  }

  /** Two transfers wait for one look-up; the short deadline of the first is not the second's. */
  @Test
  void aShortDeadlineDoesNotEndTheLookUpForOthers() throws Exception {
    try (Engine typed = Engine.open(EngineConfig.builder("127.0.0.1").protocol("tcp").build());
        Allocation memory = typed.allocate(1000)) {
      peer.stop();
      TransferRequest read = TransferRequest.read(peer.name(), memory.segment(), remote);
      Transfer hasty = typed.submit(read.withTimeout(Duration.ofMillis(100)));
      Transfer patient = typed.submit(read);
      assertThat(hasty.await(LONG)).isEqualTo(TransferState.TIMEOUT);
      assertThat(patient.await(Duration.ofMillis(300)).isTerminal()).isFalse();
      peer.resume();
      assertThat(patient.await(LONG))
          .as("%s", patient.failure())
          .isEqualTo(TransferState.COMPLETED);
    }
  }

  private String ownName() {
    return "127.0.0.1:" + engine.getRpcPort();
  }

  private long inboundWriteStoppedInTheMiddle(long destination) throws IOException {
    int port = RawInitiator.dataPort(engine.getRpcPort());
    peer.fill(remote, LENGTH, 9);
    MemorySegment memory = Mapped.at(destination, LENGTH);
    for (int attempt = 0; attempt < 10; attempt++) {
      memory.fill((byte) 0);
      long id = peer.call("transferSubmitWrite", ownName(), remote, destination, LENGTH);
      assertThat(id).isPositive();
      while (memory.asSlice(0, 1 << 20).mismatch(ZEROS.segment()) == -1) {
        Thread.onSpinWait();
      }
      peer.stop();
      KernelQueues.awaitAllRead(port);
      if (Pattern.firstMismatch(memory, 9, 0) >= 0) {
        return id;
      }
      peer.resume();
    }
    throw new AssertionError("the peer was never stopped in the middle of a body");
  }

  private static final Mapped ZEROS = Mapped.of(1 << 20);

  @Test
  void aPeerThatStandsStillEndsByTheDeadline() throws Exception {
    EngineConfig.Builder config = EngineConfig.builder("127.0.0.1").protocol("tcp");
    // With one lane, what the peer still sends comes before the answer to a later request.
    try (Engine typed = Engine.open(config.tcpLanesPerPeer(1).build());
        Mapped destination = Mapped.of(LENGTH);
        Registration _ = typed.register(destination.segment());
        PeerProcess second = PeerProcess.initialized(Map.of())) {
      peer.fill(remote, LENGTH, 12);
      TransferRequest read = TransferRequest.read(peer.name(), destination.segment(), remote);
      assertThat(typed.submit(read).await(LONG)).isEqualTo(TransferState.COMPLETED);
      Transfer reading = readingStoppedInTheMiddle(typed, read);
      Transfer writing =
          typed.submit(
              TransferRequest.write(peer.name(), destination.segment(), remote)
                  .withTimeout(Duration.ofSeconds(1)));
      assertThat(writing.await(LONG)).isEqualTo(TransferState.TIMEOUT);
      assertThat(reading.await(LONG)).isEqualTo(TransferState.TIMEOUT);
      assertThat(reading.transferredBytes()).isBetween(1L, LENGTH - 1);
      destination.fill(13);

      long elsewhere = second.allocate(4096);
      TransferRequest small =
          TransferRequest.write(second.name(), destination.segment().asSlice(0, 4096), elsewhere);
      assertThat(typed.submit(small).await(LONG))
          .as("another peer while the first stands still")
          .isEqualTo(TransferState.COMPLETED);

      peer.resume();
      assertThat(peer.call("getRpcPort")).isPositive();
      TransferRequest later =
          TransferRequest.write(peer.name(), destination.segment().asSlice(0, 8), remote);
      assertThat(typed.submit(later).await(LONG)).isEqualTo(TransferState.COMPLETED);
      assertThat(Pattern.firstMismatch(destination.segment(), 13, 0))
          .as("memory after the terminal state")
          .isEqualTo(-1);
      assertThat(typed.submit(read).await(LONG)).isEqualTo(TransferState.COMPLETED);
    }
  }

  private Transfer readingStoppedInTheMiddle(Engine typed, TransferRequest read)
      throws InterruptedException {
    for (int attempt = 0; attempt < 10; attempt++) {
      Transfer reading = typed.submit(read.withTimeout(Duration.ofSeconds(3)));
      while (reading.transferredBytes() == 0 && !reading.state().isTerminal()) {
        Thread.onSpinWait();
      }
      peer.stop();
      if (!reading.await(Duration.ofMillis(100)).isTerminal()) {
        return reading;
      }
      peer.resume();
    }
    throw new AssertionError("the peer was never stopped in the middle of a body");
  }

  @Test
  void aKilledPeerFailsTheTransferAndItsSuccessorIsFound() throws Exception {
    String port = Integer.toString(FreePorts.next());
    try (PeerProcess first = PeerProcess.initialized(Map.of("TE_RPC_PORT", port))) {
      long theirs = first.map(LENGTH);
      assertThat(first.call("registerMemory", theirs, LENGTH)).isZero();
      assertThat(engine.transferSyncWrite(first.name(), mine.address(), theirs, 1000)).isZero();
      first.stop();
      long id = engine.transferSubmitWrite(first.name(), mine.address(), theirs, LENGTH);
      FutureTask<Integer> read =
          inBackground(() -> engine.transferSyncRead(first.name(), mine.address(), theirs, LENGTH));
      awaitCallsThatWait();
      first.kill();
      assertThat(engine.getBatchTransferStatus(new long[] {id})).isEqualTo(-1);
      assertThat(read.get(60, TimeUnit.SECONDS)).isNegative();
      assertThat(engine.transferSyncWrite(first.name(), mine.address(), theirs, 1000))
          .as("nobody is there")
          .isNegative();
    }
    try (PeerProcess second = PeerProcess.initialized(Map.of("TE_RPC_PORT", port))) {
      long theirs = second.map(100_000);
      assertThat(second.call("registerMemory", theirs, 100_000)).isZero();
      Pattern.fill(mine.segment().asSlice(0, 100_000), 14, 0);
      assertThat(engine.transferSyncWrite(second.name(), mine.address(), theirs, 100_000)).isZero();
      assertThat(second.mismatch(theirs, 100_000, 14)).isEqualTo(-1);
    }
  }

  /** What was known of a peer is old: it was restarted between two transfers. */
  @Test
  void aPeerThatWasRestartedIsFoundAgain() throws Exception {
    String port = Integer.toString(FreePorts.next());
    long theirs;
    try (PeerProcess first = PeerProcess.initialized(Map.of("TE_RPC_PORT", port))) {
      theirs = first.allocate(4096);
      assertThat(engine.transferSyncWrite(first.name(), mine.address(), theirs, 1000)).isZero();
    }
    try (PeerProcess second = PeerProcess.initialized(Map.of("TE_RPC_PORT", port))) {
      long now = second.allocate(4096);
      Pattern.fill(mine.segment().asSlice(0, 4096), 15, 0);
      assertThat(engine.transferSyncWrite(second.name(), mine.address(), now, 4096))
          .as("at once, not at the second try")
          .isZero();
      assertThat(second.mismatch(now, 4096, 15)).isEqualTo(-1);
    }
    assertWorks(16);
  }
}
