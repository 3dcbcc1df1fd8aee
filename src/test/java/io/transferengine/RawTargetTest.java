// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.assertCompleted;
import static io.transferengine.TestEngine.assertFailed;
import static io.transferengine.TestEngine.eventually;
import static io.transferengine.TestEngine.random;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.Counter;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferState;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The engine as initiator, against targets written from the protocol page. */
@Timeout(60)
class RawTargetTest {
  private static final int MIB = 1 << 20;
  private static final int[] SIZES = {
    0, 1, 23, 24, 25, 16383, 16384, 16385, 65535, 65536, 65537, MIB - 1, MIB, 5 * MIB
  };

  @ParameterizedTest
  @CsvSource({"1,true", "1,false", "2,true", "2,false"})
  void everySizeGoesThereAndBack(int version, boolean persistent) throws Exception {
    try (RawTarget target = new RawTarget(version, 6 * MIB);
        TestEngine here = new TestEngine(12 * MIB)) {
      if (!persistent) {
        target.behaving(RawTarget.Connection::serveOne);
      }
      for (int size : SIZES) {
        byte[] sent = random(size, size);
        here.put(0, sent);
        assertCompleted(here.submit(Operation.WRITE, target.name(), RawTarget.BASE + 3, size));
        // Complete means applied, for version 1 peers too.
        assertThat(Arrays.copyOfRange(target.memory(), 3, 3 + size)).isEqualTo(sent);
        here.put(0, new byte[size]);
        assertCompleted(
            here.submit(
                Operation.READ,
                target.name(),
                BlockColumns.of(here.address() + 6 * MIB, RawTarget.BASE + 3, size)));
        assertThat(here.bytes(6L * MIB, size)).isEqualTo(sent);
      }
      assertThat(target.requests).allSatisfy(r -> assertThat(r.isV2()).isEqualTo(version == 2));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1,READ,true,4",
    "1,READ,false,2",
    "1,WRITE,true,4",
    "1,WRITE,false,2",
    "2,READ,true,1",
    "2,READ,true,4",
    "2,READ,false,4",
    "2,WRITE,true,4",
    "2,WRITE,false,4"
  })
  void aBatchOfScatteredBlocks(int version, Operation operation, boolean persistent, int lanes)
      throws Exception {
    int count = persistent ? 3000 : 100;
    int stride = 4096;
    byte[] content = random(7, count * stride);
    try (RawTarget target = new RawTarget(version, count * stride);
        TestEngine here = new TestEngine((long) count * stride, b -> b.tcpLanesPerPeer(lanes))) {
      if (!persistent) {
        target.behaving(RawTarget.Connection::serveOne);
      }
      // Mixed lengths, never adjacent; the order at the peer is reversed.
      long[] local = new long[count];
      long[] remote = new long[count];
      long[] length = new long[count];
      for (int i = 0; i < count; i++) {
        local[i] = here.address() + (long) i * stride;
        remote[i] = RawTarget.BASE + (long) (count - 1 - i) * stride;
        length[i] = 1 + (i * 37L) % (stride - 1);
      }
      BlockColumns blocks = BlockColumns.of(local, remote, length);
      byte[] from = operation == Operation.WRITE ? content : target.memory();
      if (operation == Operation.WRITE) {
        here.put(0, content);
      } else {
        System.arraycopy(content, 0, target.memory(), 0, content.length);
      }
      for (int round = 0; round < 2; round++) {
        assertCompleted(here.submit(operation, target.name(), blocks));
        byte[] mine = here.bytes(0, count * stride);
        for (int i = 0; i < count; i++) {
          int at = (int) (local[i] - here.address());
          int there = (int) (remote[i] - RawTarget.BASE);
          int n = (int) length[i];
          assertThat(Arrays.equals(mine, at, at + n, target.memory(), there, there + n))
              .as("block %d", i)
              .isTrue();
        }
      }
      assertThat(from).isNotNull();
    }
  }

  @Test
  void aVersion1WriteIsCompleteOnlyOnceApplied() throws Exception {
    CountDownLatch mayRead = new CountDownLatch(1);
    CountDownLatch headerSeen = new CountDownLatch(1);
    try (RawTarget target = new RawTarget(1, MIB);
        TestEngine here = new TestEngine(MIB)) {
      target.behaving(
          c -> {
            RawTarget.Request request = c.required();
            headerSeen.countDown();
            await(mayRead);
            c.serve(request);
            c.drain();
          });
      byte[] sent = random(1, 1000);
      here.put(0, sent);
      Transfer transfer = here.submit(Operation.WRITE, target.name(), RawTarget.BASE, 1000);
      await(headerSeen);
      // All of it is in the target's kernel by now, and yet it is not done.
      assertThat(transfer.await(Duration.ofMillis(300)).isTerminal()).isFalse();
      mayRead.countDown();
      assertCompleted(transfer);
      assertThat(Arrays.copyOf(target.memory(), 1000)).isEqualTo(sent);
      // The write, and the read that confirms it.
      assertThat(target.requests).first().matches(RawTarget.Request::isWrite);
      assertThat(target.requests).filteredOn(RawTarget.Request::isWrite).hasSize(1);
    }
  }

  @Test
  void aVersion1WriteIsConfirmedOnAnotherConnectionUntilTwoAnswersOnOneWereSeen() throws Exception {
    try (RawTarget target = new RawTarget(1, MIB);
        TestEngine here = new TestEngine(MIB, b -> b.tcpLanesPerPeer(1))) {
      BlockColumns scattered = scattered(here, 8, 64);
      assertCompleted(here.submit(Operation.WRITE, target.name(), scattered));
      // The first write on a connection of its own; on the next one, its last byte, and a byte that
      // shows that the peer answers twice; then the others there, and the last byte of them.
      assertThat(target.accepted()).isEqualTo(2);
      List<RawTarget.Request> seen = List.copyOf(target.requests);
      assertThat(seen.stream().map(RawTarget.Request::isWrite))
          .containsExactly(true, false, false, true, true, true, true, true, true, true, false);
      assertThat(seen.get(1).size()).isEqualTo(1);
      assertThat(seen.get(1).address()).isEqualTo(seen.get(0).address() + 63);
      assertThat(seen.get(10).size()).isEqualTo(1);
      assertThat(seen.get(10).address()).isEqualTo(seen.get(9).address() + 63);
    }
  }

  @Test
  void aVersion1WriteKeepsItsConnectionWhileAnotherLaneLearnsThatThePeerIsPersistent()
      throws Exception {
    CountDownLatch mayRead = new CountDownLatch(1);
    int size = 32 * MIB;
    try (RawTarget target = new RawTarget(1, size);
        TestEngine here = new TestEngine(size, b -> b.tcpLanesPerPeer(2))) {
      target.behaving(
          c -> {
            RawTarget.@Nullable Request request;
            while ((request = c.next()) != null) {
              if (request.size() == size) {
                await(mayRead);
              }
              c.serve(request);
            }
          });
      byte[] content = random(1, size);
      here.put(0, content);
      Transfer write = here.submit(Operation.WRITE, target.name(), RawTarget.BASE, size);
      eventually("the write is on its way", () -> target.requests.size() == 1);
      for (int i = 0; i < 4; i++) {
        // Two answers on one connection of the other lane.
        assertCompleted(
            here.submit(
                i == 0 ? Operation.WRITE : Operation.READ,
                target.name(),
                BlockColumns.of(here.address(), RawTarget.BASE, 1)));
      }
      List<Transfer> behind = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        behind.add(
            here.submit(
                i % 2 == 0 ? Operation.READ : Operation.WRITE,
                target.name(),
                BlockColumns.of(here.address(), RawTarget.BASE, 1)));
      }
      mayRead.countDown();
      assertCompleted(write);
      behind.forEach(TestEngine::assertCompleted);
      assertThat(Arrays.equals(target.memory(), content)).isTrue();
      assertThat(here.count(Counter.CONNECTIONS_LOST)).isZero();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 7, 8, 9, 20})
  void aVersion1BatchEndsWhateverTheLimitOfRequests(int limit) throws Exception {
    try (RawTarget target = new RawTarget(1, MIB);
        TestEngine here =
            new TestEngine(MIB, b -> b.tcpLanesPerPeer(1).tcpMaxQueuedTransfersPerPeer(limit))) {
      BlockColumns scattered = scattered(here, 40, 64);
      here.put(0, random(limit, MIB));
      assertCompleted(here.submit(Operation.READ, target.name(), scattered));
      assertCompleted(here.submit(Operation.WRITE, target.name(), scattered));
    }
  }

  @Test
  void blocksOnBothSidesOfASeamAreNotMerged() throws Exception {
    try (RawTarget target = new RawTarget(2, 4096);
        TestEngine here = new TestEngine(MIB)) {
      target.addBuffer(RawTarget.BASE + 4096, 4096);
      here.put(0, random(2, 8192));
      assertCompleted(
          here.submit(
              Operation.WRITE,
              target.name(),
              BlockColumns.of(
                  new long[] {here.address(), here.address() + 4096},
                  new long[] {RawTarget.BASE, RawTarget.BASE + 4096},
                  new long[] {4096, 4096})));
      assertThat(target.memory()).isEqualTo(half(2, 8192, 0));
      assertThat(target.memory(1)).isEqualTo(half(2, 8192, 4096));
      assertThat(here.count(Counter.REQUESTS_REJECTED_BY_PEER)).isZero();
    }
  }

  private static byte[] half(int seed, int length, int from) {
    return Arrays.copyOfRange(TestEngine.random(seed, length), from, from + length / 2);
  }

  @Test
  void answersThatDribbleAndComeLateAreFine() throws Exception {
    Semaphore arrived = new Semaphore(0);
    Semaphore goOn = new Semaphore(0);
    try (RawTarget target = new RawTarget(2, MIB);
        TestEngine here = new TestEngine(MIB)) {
      target.behaving(
          c -> {
            RawTarget.@Nullable Request request;
            while ((request = c.next()) != null) {
              byte[] answer = new byte[8];
              answer[4] = 0x56;
              answer[5] = 0x54;
              answer[6] = 0x43;
              answer[7] = 0x4d;
              if (request.isWrite()) {
                System.arraycopy(
                    c.body(request.size()), 0, target.memory(), 0, (int) request.size());
                arrived.release();
                goOn.acquireUninterruptibly();
              }
              for (byte b : answer) {
                c.send(new byte[] {b});
              }
              if (!request.isWrite()) {
                for (int i = 0; i < request.size(); i++) {
                  c.send(new byte[] {target.memory()[i]});
                }
              }
            }
          });
      for (int size : new int[] {1, 100, 20_000}) {
        byte[] content = random(size, size);
        here.put(0, content);
        Transfer write = here.submit(Operation.WRITE, target.name(), RawTarget.BASE, size);
        arrived.acquireUninterruptibly();
        assertThat(write.state().isTerminal()).as("before its answer").isFalse();
        goOn.release();
        assertCompleted(write);
        here.put(0, new byte[size]);
        assertCompleted(here.submit(Operation.READ, target.name(), RawTarget.BASE, size));
        assertThat(here.bytes(0, size)).isEqualTo(content);
      }
    }
  }

  @Test
  void version1IsSpokenToAVersion2PeerWhenItIsForced() throws Exception {
    try (RawTarget target = new RawTarget(2, MIB);
        TestEngine here = new TestEngine(MIB, b -> b.tcpProtoVersion(1))) {
      here.put(0, random(1, 1000));
      assertCompleted(here.submit(Operation.WRITE, target.name(), RawTarget.BASE, 1000));
      assertThat(Arrays.copyOf(target.memory(), 1000)).isEqualTo(random(1, 1000));
      assertThat(target.requests).noneMatch(RawTarget.Request::isV2);
      // A refused version 1 write is a close that we must not take for a confirmation.
      assertFailed(here.submit(Operation.WRITE, target.name(), 0x1000, MIB));
      assertFailed(here.submit(Operation.READ, target.name(), 0x1000, 100));
    }
  }

  @Test
  void withoutThePoolEachRequestGetsAConnection() throws Exception {
    try (RawTarget target = new RawTarget(2, MIB);
        TestEngine here = new TestEngine(MIB, b -> b.tcpEnableConnectionPool(false))) {
      assertCompleted(here.submit(Operation.WRITE, target.name(), scattered(here, 20, 64)));
      assertCompleted(here.submit(Operation.READ, target.name(), scattered(here, 20, 64)));
      eventually("connections", () -> target.accepted() >= 40);
    }
  }

  @Test
  void noMoreRequestsAreOnTheWireThanTheSmallerLimitAllows() throws Exception {
    AtomicInteger most = new AtomicInteger();
    AtomicInteger waiting = new AtomicInteger();
    try (RawTarget target = new RawTarget(2, MIB);
        TestEngine here =
            new TestEngine(
                MIB,
                b ->
                    b.tcpLanesPerPeer(4)
                        .tcpMaxQueuedTransfersPerPeer(100)
                        .tcpMaxPendingAdmissionsPerPeer(6))) {
      target.behaving(
          c -> {
            List<RawTarget.Request> taken = new ArrayList<>();
            c.socket.setSoTimeout(30);
            while (true) {
              try {
                RawTarget.Request request = c.required();
                taken.add(request);
                int now = waiting.incrementAndGet();
                most.accumulateAndGet(now, Math::max);
              } catch (java.net.SocketTimeoutException e) {
                for (RawTarget.Request request : taken) {
                  waiting.decrementAndGet();
                  c.serve(request);
                }
                taken.clear();
              }
            }
          });
      assertCompleted(here.submit(Operation.READ, target.name(), scattered(here, 8, 64)));
      assertCompleted(here.submit(Operation.READ, target.name(), scattered(here, 60, 64)));
      assertThat(most.get()).isBetween(2, 6);
    }
  }

  @Test
  void manySmallAndLargeTransfersOfManyThreadsShareFourLanes() throws Exception {
    try (RawTarget target = new RawTarget(2, 8 * MIB);
        TestEngine here = new TestEngine(8 * MIB)) {
      byte[] content = random(11, 8 * MIB);
      here.put(0, content);
      List<Thread> threads = new ArrayList<>();
      List<Transfer> transfers = new java.util.concurrent.CopyOnWriteArrayList<>();
      for (int t = 0; t < 16; t++) {
        int thread = t;
        threads.add(
            Thread.ofVirtual()
                .start(
                    () -> {
                      for (int i = 0; i < 16; i++) {
                        long offset = (thread * 16 + i) * 32_768L;
                        int size = i % 3 == 0 ? 32_768 : 100 * (i + 1);
                        Transfer transfer =
                            here.submit(
                                Operation.WRITE,
                                target.name(),
                                BlockColumns.of(
                                    here.address() + offset, RawTarget.BASE + offset, size));
                        transfers.add(transfer);
                        assertCompleted(transfer);
                      }
                    }));
      }
      for (Thread thread : threads) {
        thread.join();
      }
      assertThat(transfers).hasSize(256).allMatch(t -> t.state() == TransferState.COMPLETED);
      assertThat(target.accepted()).isLessThanOrEqualTo(4);
      for (int i = 0; i < 256; i++) {
        int size = i % 16 % 3 == 0 ? 32_768 : 100 * (i % 16 + 1);
        int from = i * 32_768;
        assertThat(Arrays.equals(target.memory(), from, from + size, content, from, from + size))
            .isTrue();
      }
    }
  }

  static BlockColumns scattered(TestEngine here, int count, int size) {
    long[] local = new long[count];
    long[] remote = new long[count];
    long[] length = new long[count];
    for (int i = 0; i < count; i++) {
      local[i] = here.address() + i * 2L * size;
      remote[i] = RawTarget.BASE + i * 2L * size;
      length[i] = size;
    }
    return BlockColumns.of(local, remote, length);
  }

  static byte[] filled(int length, byte value) {
    byte[] bytes = new byte[length];
    Arrays.fill(bytes, value);
    return bytes;
  }

  static void await(CountDownLatch latch) throws IOException {
    try {
      if (!latch.await(60, TimeUnit.SECONDS)) {
        throw new IOException("waited in vain");
      }
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }
}
