// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.assertCompleted;
import static io.transferengine.TestEngine.assertFailed;
import static io.transferengine.TestEngine.eventually;
import static io.transferengine.TestEngine.random;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferState;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The engine as initiator, against targets that do not keep to the protocol or break off. */
@Timeout(60)
class RawTargetFaultTest {
  private static final int MIB = 1 << 20;

  @Test
  void aVersion1WriteThatIsCutOffIsNoSuccess() throws Exception {
    try (RawTarget target = new RawTarget(1, 64 * MIB);
        TestEngine here = new TestEngine(32 * MIB)) {
      for (int size : new int[] {100, 100_000, 32 * MIB}) {
        CountDownLatch sent = new CountDownLatch(1);
        target.behaving(
            c -> {
              RawTarget.Request request = c.required();
              c.body(request.size() / 2);
              if (size < MIB) {
                RawTargetTest.await(sent);
              }
              c.reset();
            });
        Transfer transfer = here.submit(Operation.WRITE, target.name(), RawTarget.BASE, size);
        if (size < MIB) {
          // The body is in the kernels and the half-close behind it.
          assertThat(transfer.await(Duration.ofMillis(200)).isTerminal()).isFalse();
        }
        sent.countDown();
        assertFailed(transfer);
      }
    }
  }

  @Test
  void aVersion1WriteToATargetThatClosesBeforeTheBodyIsSentIsNoSuccess() throws Exception {
    try (RawTarget target = new RawTarget(1, 64 * MIB);
        TestEngine here = new TestEngine(32 * MIB)) {
      target.behaving(
          c -> {
            c.required();
            // An orderly end in its direction while our body is still on its way.
            c.socket.shutdownOutput();
            c.drain();
          });
      assertFailed(here.submit(Operation.WRITE, target.name(), RawTarget.BASE, 32L * MIB));
    }
  }

  @ParameterizedTest
  @CsvSource({"1,READ", "2,READ", "2,WRITE"})
  void anEarlyEndIsAFailure(int version, Operation operation) throws Exception {
    try (RawTarget target = new RawTarget(version, MIB);
        TestEngine here = new TestEngine(MIB)) {
      target.behaving(
          c -> {
            RawTarget.Request request = c.required();
            if (request.isWrite()) {
              c.body(request.size());
            } else {
              if (request.isV2()) {
                c.status(0);
              }
              c.send(new byte[(int) request.size() / 2]);
            }
          });
      assertFailed(here.submit(operation, target.name(), RawTarget.BASE, 100_000));
      assertFailed(here.submit(operation, target.name(), RawTarget.BASE, 100));
    }
  }

  @ParameterizedTest
  @CsvSource({"1,100", "1,300000", "2,100", "2,300000"})
  void aReadThatStallsEndsByItsDeadlineAndTouchesNothingAfterwards(int version, int size)
      throws Exception {
    CountDownLatch goOn = new CountDownLatch(1);
    CountDownLatch wentOn = new CountDownLatch(1);
    try (RawTarget target = new RawTarget(version, MIB);
        TestEngine here = new TestEngine(MIB)) {
      target.behaving(
          c -> {
            RawTarget.Request request = c.required();
            if (request.isV2()) {
              c.status(0);
            }
            c.send(RawTargetTest.filled(size / 2, (byte) 1));
            RawTargetTest.await(goOn);
            try {
              c.send(RawTargetTest.filled(size - size / 2, (byte) 2));
              c.endAndDrain();
            } finally {
              wentOn.countDown();
            }
          });
      Transfer transfer =
          here.submit(
              Operation.READ,
              target.name(),
              BlockColumns.of(here.address(), RawTarget.BASE, size),
              Duration.ofSeconds(4));
      assertThat(TestEngine.end(transfer)).isEqualTo(TransferState.TIMEOUT);
      byte[] marks = RawTargetTest.filled(MIB, (byte) 9);
      here.put(0, marks);
      goOn.countDown();
      RawTargetTest.await(wentOn);
      assertThat(here.bytes(0, MIB)).isEqualTo(marks);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void aWriteThatStallsEndsByItsDeadlineAndSendsNothingNewAfterwards(int version) throws Exception {
    CountDownLatch goOn = new CountDownLatch(1);
    CountDownLatch wentOn = new CountDownLatch(1);
    int size = 32 * MIB;
    AtomicInteger newBytes = new AtomicInteger();
    AtomicInteger oldBytes = new AtomicInteger();
    try (RawTarget target = new RawTarget(version, size);
        TestEngine here = new TestEngine(size)) {
      target.behaving(
          c -> {
            try {
              RawTarget.Request request = c.required();
              c.body(1000);
              RawTargetTest.await(goOn);
              int left = (int) Math.min(request.size(), 4 * MIB) - 1000;
              while (left > 0) {
                int piece = Math.min(left, 1000);
                for (byte b : c.body(piece)) {
                  (b == 9 ? newBytes : oldBytes).incrementAndGet();
                }
                left -= piece;
              }
            } finally {
              wentOn.countDown();
            }
          });
      here.put(0, RawTargetTest.filled(size, (byte) 1));
      Transfer transfer =
          here.submit(
              Operation.WRITE,
              target.name(),
              BlockColumns.of(here.address(), RawTarget.BASE, size),
              Duration.ofSeconds(4));
      assertThat(TestEngine.end(transfer)).isEqualTo(TransferState.TIMEOUT);
      here.put(0, RawTargetTest.filled(size, (byte) 9));
      goOn.countDown();
      RawTargetTest.await(wentOn);
      assertThat(newBytes).hasValue(0);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aRejectionFailsOnlyItsOwnTransfer(boolean reset) throws Exception {
    try (RawTarget target = new RawTarget(2, 4 * MIB);
        TestEngine here = new TestEngine(4 * MIB, b -> b.tcpLanesPerPeer(1))) {
      target.behaving(
          c -> {
            RawTarget.@Nullable Request request;
            while ((request = c.next()) != null) {
              if (!c.serve(request)) {
                if (reset) {
                  // Requests behind it are unread or on their way.
                  c.reset();
                }
                return;
              }
            }
          });
      // Two answers on a connection: from now on requests are pipelined.
      assertCompleted(
          here.submit(Operation.WRITE, target.name(), RawTargetTest.scattered(here, 8, 64)));
      byte[] content = random(3, 4 * MIB);
      here.put(0, content);
      for (int round = 0; round < 20; round++) {
        Arrays.fill(target.memory(), (byte) 0);
        List<Transfer> good = new ArrayList<>();
        List<Transfer> bad = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
          int size = 1 + i * 20_000;
          long offset = i * 300_000L;
          good.add(
              here.submit(
                  Operation.WRITE,
                  target.name(),
                  BlockColumns.of(here.address() + offset, RawTarget.BASE + offset, size)));
          if (i % 4 == 1) {
            bad.add(
                here.submit(
                    i % 8 == 1 ? Operation.WRITE : Operation.READ, target.name(), 0x1000, 100));
          }
        }
        bad.forEach(TestEngine::assertFailed);
        good.forEach(TestEngine::assertCompleted);
        for (int i = 0; i < 12; i++) {
          int from = i * 300_000;
          int to = from + 1 + i * 20_000;
          assertThat(Arrays.equals(target.memory(), from, to, content, from, to)).isTrue();
        }
      }
    }
  }

  @Test
  void mergedBlocksThatAreRejectedAreSentAgainUnmergedOnce() throws Exception {
    try (RawTarget target = new RawTarget(2, MIB);
        TestEngine here = new TestEngine(MIB)) {
      // What it published as one buffer are two registrations by now.
      long seam = RawTarget.BASE + 3000;
      target.behaving(
          c -> {
            RawTarget.@Nullable Request request;
            while ((request = c.next()) != null) {
              long end = request.address() + request.size();
              boolean straddles = request.address() < seam && end > seam;
              if (straddles) {
                c.status(1);
                return;
              }
              c.serve(request);
            }
          });
      byte[] content = random(5, 6000);
      here.put(0, content);
      long[] local = new long[6];
      long[] remote = new long[6];
      long[] length = new long[6];
      for (int i = 0; i < 6; i++) {
        local[i] = here.address() + i * 1000L;
        remote[i] = RawTarget.BASE + i * 1000L;
        length[i] = 1000;
      }
      assertCompleted(
          here.submit(Operation.WRITE, target.name(), BlockColumns.of(local, remote, length)));
      assertThat(Arrays.copyOf(target.memory(), 6000)).isEqualTo(content);
      assertThat(target.requests.getFirst().size()).isEqualTo(6000);
      assertThat(here.count(Counter.REQUESTS_REJECTED_BY_PEER)).isEqualTo(1);

      // One of the blocks itself is bad: the batch fails, and not for ever.
      remote[2] = seam - 500;
      remote[1] = remote[2] - 1000;
      remote[3] = remote[2] + 1000;
      assertFailed(
          here.submit(Operation.WRITE, target.name(), BlockColumns.of(local, remote, length)));
    }
  }

  @Test
  void anOkBeforeTheBodyWasSentIsAProtocolError() throws Exception {
    try (RawTarget target = new RawTarget(2, 64 * MIB).withSmallReceiveBuffer();
        TestEngine here = new TestEngine(32 * MIB)) {
      target.behaving(
          c -> {
            c.required();
            // The first requests fit into the sockets' buffers; at some point one does not.
            for (int i = 0; i < 64; i++) {
              c.status(0);
              LockSupport.parkNanos(5_000_000);
            }
            RawTargetTest.await(new CountDownLatch(1));
          });
      Transfer transfer = here.submit(Operation.WRITE, target.name(), RawTarget.BASE, 32L * MIB);
      assertFailed(transfer);
      assertThat(transfer.failure().orElseThrow())
          .hasMessageContaining("before all of it was sent");
    }
  }

  @Test
  void somethingElseThanAStatusFrameIsAFailure() throws Exception {
    try (RawTarget target = new RawTarget(2, MIB);
        TestEngine here = new TestEngine(MIB)) {
      target.behaving(
          c -> {
            RawTarget.Request request = c.required();
            if (request.isWrite()) {
              c.body(request.size());
            }
            c.send(
                "HTTP/1.1 400 Bad Request\r\n\r\n"
                    .getBytes(java.nio.charset.StandardCharsets.US_ASCII));
            c.drain();
          });
      assertFailed(here.submit(Operation.WRITE, target.name(), RawTarget.BASE, 1000));
      assertThat(here.engine.metrics().get(FailureCause.PROTOCOL)).isOne();
      byte[] marks = RawTargetTest.filled(MIB, (byte) 7);
      here.put(0, marks);
      assertFailed(here.submit(Operation.READ, target.name(), RawTarget.BASE, 1000));
      assertThat(here.bytes(0, MIB)).isEqualTo(marks);
      // The engine stays usable.
      target.behaving(RawTarget.Connection::serveAll);
      assertCompleted(here.submit(Operation.READ, target.name(), RawTarget.BASE, 1000));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void bytesNobodyAskedForHarmNothing(int version) throws Exception {
    try (RawTarget target = new RawTarget(version, MIB);
        TestEngine here = new TestEngine(MIB, b -> b.tcpLanesPerPeer(1))) {
      AtomicInteger connections = new AtomicInteger();
      target.behaving(
          c -> {
            boolean first = connections.getAndIncrement() == 0;
            RawTarget.Request request = c.required();
            c.serve(request);
            if (first) {
              c.send(new byte[100]);
            }
            c.serveAll();
          });
      System.arraycopy(random(8, 1000), 0, target.memory(), 0, 1000);
      byte[] marks = RawTargetTest.filled(MIB, (byte) 7);
      here.put(0, marks);
      assertCompleted(here.submit(Operation.READ, target.name(), RawTarget.BASE, 1000));
      assertThat(here.bytes(1000, 4000)).isEqualTo(Arrays.copyOf(marks, 4000));
      eventually("the connection is given up", () -> here.count(Counter.CONNECTIONS_LOST) == 1);
      assertCompleted(here.submit(Operation.READ, target.name(), RawTarget.BASE, 1000));
      assertThat(here.bytes(0, 1000)).isEqualTo(random(8, 1000));
    }
  }

  @Test
  void aDataPortAtWhichNobodyListensFailsSoon() throws Exception {
    try (RawTarget target = new RawTarget(2, MIB);
        TestEngine here = new TestEngine(MIB)) {
      target.dataPortGone();
      assertFailed(here.submit(Operation.WRITE, target.name(), RawTarget.BASE, 1000));
    }
  }
}
