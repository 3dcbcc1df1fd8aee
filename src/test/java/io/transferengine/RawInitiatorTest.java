// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.RawInitiator.OK;
import static io.transferengine.RawInitiator.READ;
import static io.transferengine.RawInitiator.REJECTED;
import static io.transferengine.RawInitiator.V2;
import static io.transferengine.RawInitiator.WRITE;
import static io.transferengine.RawInitiator.header;
import static io.transferengine.RawInitiator.writeRequest;
import static io.transferengine.TestEngine.eventually;
import static io.transferengine.TestEngine.random;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.memory.Region;
import io.transferengine.metrics.Counter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The engine as target, asked by initiators written from the protocol page. */
@Timeout(60)
class RawInitiatorTest {
  private static final int MIB = 1 << 20;
  private static final int[] SIZES = {
    1, 23, 24, 25, 16383, 16384, 16385, 65535, 65536, 65537, MIB, 5 * MIB
  };

  private static RawInitiator connect(TestEngine engine) throws IOException {
    return RawInitiator.to(engine.engine.rpcPort());
  }

  @ParameterizedTest
  @CsvSource({"0,true", "0,false", "128,true", "128,false"})
  void everySizeIsWrittenAndRead(int v2, boolean oneConnection) throws Exception {
    try (TestEngine target = new TestEngine(6 * MIB)) {
      RawInitiator connection = connect(target);
      for (int size : SIZES) {
        byte[] body = random(size, size);
        connection.send(writeRequest(target.address() + 5, body, v2));
        if (v2 != 0) {
          assertThat(connection.receive(8)).isEqualTo(OK);
          assertThat(target.bytes(5, size)).isEqualTo(body);
        } else if (oneConnection) {
          // Protocol section 7.6: the answer to a 1-byte read proves the write.
          connection.send(header(1, target.address() + 5 + size - 1, READ));
          assertThat(connection.receive(1)[0]).isEqualTo(body[size - 1]);
          assertThat(target.bytes(5, size)).isEqualTo(body);
        } else {
          connection.halfClose();
          assertThat(connection.ending()).isEqualTo("eof");
          assertThat(target.bytes(5, size)).isEqualTo(body);
          connection.close();
          connection = connect(target);
        }
        connection.send(header(size, target.address() + 5, READ | v2));
        if (v2 != 0) {
          assertThat(connection.receive(8)).isEqualTo(OK);
        }
        assertThat(connection.receive(size)).isEqualTo(body);
        if (!oneConnection) {
          connection.close();
          connection = connect(target);
        }
      }
      connection.close();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 128})
  void pipelinedRequestsAreAnsweredInOrder(int v2) throws Exception {
    int count = 200;
    int slot = 40_000;
    try (TestEngine target = new TestEngine((long) count * slot);
        RawInitiator connection = connect(target)) {
      ByteArrayOutputStream stream = new ByteArrayOutputStream();
      ByteArrayOutputStream expected = new ByteArrayOutputStream();
      for (int i = 0; i < count; i++) {
        int size = i % 5 == 0 ? 20_000 + i : 1 + i * 3;
        byte[] body = random(i, size);
        stream.writeBytes(writeRequest(target.address() + (long) i * slot, body, v2));
        stream.writeBytes(header(size, target.address() + (long) i * slot, READ | v2));
        if (v2 != 0) {
          expected.writeBytes(OK);
          expected.writeBytes(OK);
        }
        expected.writeBytes(body);
      }
      Thread writer =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      connection.send(stream.toByteArray()).halfClose();
                    } catch (IOException e) {
                      throw new AssertionError(e);
                    }
                  });
      assertThat(connection.receiveToEnd()).isEqualTo(expected.toByteArray());
      writer.join();
    }
  }

  @Test
  void headersAndBodiesMayDribble() throws Exception {
    try (TestEngine target = new TestEngine(MIB);
        RawInitiator connection = connect(target)) {
      byte[] body = random(4, 17_000);
      connection.dribble(writeRequest(target.address(), body, V2));
      assertThat(connection.receive(8)).isEqualTo(OK);
      assertThat(target.bytes(0, 17_000)).isEqualTo(body);
      connection.dribble(header(17_000, target.address(), READ | V2));
      assertThat(connection.receive(8)).isEqualTo(OK);
      assertThat(connection.receive(17_000)).isEqualTo(body);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "100000,100",
    "20000,4000",
    "300,1000000",
    "301,1000000",
    "302,1000000",
    "303,1000000"
  })
  void whoAsksForMuchAndDoesNotReadGetsItAllLater(int count, int size) throws Exception {
    byte[] content = random(9, size);
    try (TestEngine target = new TestEngine(MIB);
        RawInitiator connection =
            new RawInitiator(RawInitiator.dataPort(target.engine.rpcPort()), 8192)) {
      target.put(0, content);
      byte[] request = header(size, target.address(), READ | V2);
      ByteArrayOutputStream stream = new ByteArrayOutputStream();
      for (int i = 0; i < count; i++) {
        stream.writeBytes(request);
      }
      Thread writer =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      connection.send(stream.toByteArray()).halfClose();
                    } catch (IOException e) {
                      throw new AssertionError(e);
                    }
                  });
      eventually("it is served", () -> target.count(Counter.INBOUND_REQUESTS) > 0);
      // Meanwhile others are served.
      try (RawInitiator other = connect(target)) {
        other.send(header(10, target.address(), READ | V2));
        assertThat(other.receive(8)).isEqualTo(OK);
      }
      for (int i = 0; i < count; i++) {
        assertThat(connection.receive(8)).isEqualTo(OK);
        assertThat(connection.receive(size)).isEqualTo(content);
      }
      assertThat(connection.ending()).isEqualTo("eof");
      writer.join();
    }
  }

  @Test
  void badRangesAreRefused() throws Exception {
    try (TestEngine target = new TestEngine(MIB);
        Good good = new Good(target)) {
      long base = target.address();
      long[][] bad = {
        {100, 0x1000},
        {100, base - 1},
        {100, base - 100},
        {MIB + 1, base},
        {2, base + MIB - 1},
        {1, base + MIB},
        {0, base},
        {-1, base},
        {Long.MIN_VALUE, base},
        {Long.MAX_VALUE, base},
        {Long.MAX_VALUE - base + 10, base},
        {-base, base},
        {100, -1},
        {100, 0},
        {1L << 40, base + 10},
      };
      byte[] before = target.bytes(0, MIB);
      for (long[] range : bad) {
        for (int opcode : new int[] {READ, WRITE}) {
          try (RawInitiator connection = connect(target)) {
            connection.send(header(range[0], range[1], opcode | V2));
            assertThat(connection.receive(8)).as(Arrays.toString(range)).isEqualTo(REJECTED);
            assertThat(connection.ending()).isEqualTo("eof");
          }
          try (RawInitiator connection = connect(target)) {
            connection.send(header(range[0], range[1], opcode));
            assertThat(connection.ending()).as(Arrays.toString(range)).isEqualTo("reset");
          }
        }
      }
      assertThat(target.bytes(0, MIB)).isEqualTo(before);
      assertThat(target.count(Counter.INBOUND_REJECTED)).isEqualTo(bad.length * 4L);
      good.keepsBeingServed();
    }
  }

  @Test
  void theStatusOfARefusalArrivesThoughALargeBodyFollows() throws Exception {
    try (TestEngine target = new TestEngine(MIB)) {
      for (int i = 0; i < 10; i++) {
        try (RawInitiator connection = connect(target)) {
          connection.send(writeRequest(target.address() + MIB - 10, new byte[2 * MIB], V2));
          assertThat(connection.receive(8)).isEqualTo(REJECTED);
          assertThat(connection.ending()).isEqualTo("eof");
        }
      }
    }
  }

  @Test
  void requestsBeforeARefusalAreAnswered() throws Exception {
    try (TestEngine target = new TestEngine(MIB);
        RawInitiator connection = connect(target)) {
      byte[] body = random(1, 50_000);
      ByteArrayOutputStream stream = new ByteArrayOutputStream();
      stream.writeBytes(writeRequest(target.address(), body, V2));
      stream.writeBytes(header(50_000, target.address(), READ | V2));
      stream.writeBytes(header(1, 0x1000, READ | V2));
      stream.writeBytes(writeRequest(target.address(), new byte[1000], V2));
      connection.send(stream.toByteArray());
      assertThat(connection.receive(8)).isEqualTo(OK);
      assertThat(connection.receive(8)).isEqualTo(OK);
      assertThat(connection.receive(50_000)).isEqualTo(body);
      assertThat(connection.receive(8)).isEqualTo(REJECTED);
      assertThat(connection.ending()).isEqualTo("eof");
      assertThat(target.bytes(0, 1000)).isEqualTo(Arrays.copyOf(body, 1000));
    }
  }

  @Test
  void garbageEndsItsOwnConnectionOnly() throws Exception {
    try (TestEngine target = new TestEngine(MIB);
        Good good = new Good(target)) {
      byte[] before = target.bytes(0, MIB);
      for (int opcode : new int[] {2, 3, 0x7f, 0x82, 0xff}) {
        try (RawInitiator connection = connect(target)) {
          connection.send(header(10, target.address(), opcode));
          assertThat(connection.ending()).isIn("eof", "reset");
        }
      }
      for (int i = 0; i < 50; i++) {
        try (RawInitiator connection = connect(target)) {
          byte[] garbage = random(i, 24 + i * 100);
          // Never by chance an address of ours.
          garbage[15] = (byte) 0x80;
          connection.send(garbage);
          connection.halfClose();
          assertThat(connection.receiveToEndOrReset()).isTrue();
        }
      }
      for (int length : new int[] {1, 8, 23}) {
        try (RawInitiator connection = connect(target)) {
          connection.send(Arrays.copyOf(header(10, target.address(), READ | V2), length));
          connection.halfClose();
          assertThat(connection.ending()).isIn("eof", "reset");
        }
      }
      try (RawInitiator connection = connect(target)) {
        connection.send(
            "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"
                .getBytes(java.nio.charset.StandardCharsets.US_ASCII));
        assertThat(connection.ending()).isIn("eof", "reset");
      }
      assertThat(target.bytes(0, MIB)).isEqualTo(before);
      good.keepsBeingServed();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {10, 100_000})
  void aBodyThatIsCutOffLeavesTheConnectionAndTheRegion(int size) throws Exception {
    try (TestEngine target = new TestEngine(MIB)) {
      try (RawInitiator connection = connect(target)) {
        connection.send(header(size, target.address(), WRITE | V2));
        connection.send(new byte[size / 2]);
        connection.halfClose();
        assertThat(connection.ending()).isEqualTo("eof");
      }
      try (RawInitiator connection = connect(target)) {
        connection.send(header(size, target.address(), WRITE | V2));
        connection.send(new byte[size / 2]);
        connection.socket.setSoLinger(true, 0);
      }
      target.assertNothingInFlight();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {12, 24 + 10, 24 + 60_000})
  void aStalledRequestIsClosedAfterTheLimit(int sent) throws Exception {
    try (TestEngine target = new TestEngine(MIB, b -> b.inboundStallSeconds(1));
        RawInitiator connection = connect(target);
        RawInitiator idle = connect(target)) {
      byte[] request = writeRequest(target.address(), new byte[100_000], V2);
      connection.send(Arrays.copyOf(request, sent));
      assertThat(connection.ending()).isIn("eof", "reset");
      target.assertNothingInFlight();
      // Idle between requests is no stall.
      idle.send(header(1, target.address(), READ | V2));
      assertThat(idle.receive(8)).isEqualTo(OK);
    }
  }

  @Test
  void whoDoesNotReadIsClosedAfterTheLimit() throws Exception {
    try (TestEngine target = new TestEngine(16 * MIB, b -> b.inboundStallSeconds(1));
        RawInitiator connection =
            new RawInitiator(RawInitiator.dataPort(target.engine.rpcPort()), 4096)) {
      connection.send(header(16 * MIB, target.address(), READ | V2));
      Region region = target.engine.core().memory().regions().inOrder().getFirst();
      eventually("in use", () -> region.inFlight() > 0);
      eventually("closed", () -> region.inFlight() == 0);
    }
  }

  @Test
  void connectionsBeyondTheLimitAreRefused() throws Exception {
    try (TestEngine target =
        new TestEngine(MIB, b -> b.maxInboundConnections(8).maxInboundConnectionsPerAddress(8))) {
      int port = RawInitiator.dataPort(target.engine.rpcPort());
      List<RawInitiator> connections = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        RawInitiator connection = new RawInitiator(port, 0);
        connections.add(connection);
        connection.send(header(100, target.address(), WRITE | V2));
      }
      Region region = target.engine.core().memory().regions().inOrder().getFirst();
      eventually("all have something under way", () -> region.inFlight() == 8);
      for (int i = 0; i < 5; i++) {
        try (RawInitiator connection = new RawInitiator(port, 0)) {
          assertThat(connection.ending()).isIn("eof", "reset");
        }
      }
      assertThat(target.count(Counter.INBOUND_CONNECTIONS_REFUSED)).isEqualTo(5);
      for (RawInitiator connection : connections) {
        connection.close();
      }
      AtomicBoolean served = new AtomicBoolean();
      eventually(
          "places are free again",
          () -> {
            try (RawInitiator connection = new RawInitiator(port, 0)) {
              connection.send(header(1, target.address(), READ | V2));
              served.set(Arrays.equals(connection.receive(8), OK));
            } catch (IOException e) {
              // Not yet.
            }
            return served.get();
          });
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void unregisteringCutsOffABodyThatIsComingIn(boolean large) throws Exception {
    int size = large ? 500_000 : 5_000;
    try (TestEngine target = new TestEngine(4096);
        RawInitiator connection = connect(target)) {
      MemorySegment second = target.arena.allocate(MIB, 4096);
      Registration registration = target.engine.register(second);
      connection.send(header(size, registration.address(), WRITE | V2));
      connection.send(RawTargetTest.filled(size / 2, (byte) 1));
      eventually(
          "half is there",
          () -> second.get(java.lang.foreign.ValueLayout.JAVA_BYTE, size / 2 - 1) == 1);
      registration.close();
      second.fill((byte) 9);
      try {
        connection.send(RawTargetTest.filled(size / 2, (byte) 2));
      } catch (IOException e) {
        // Closed already.
      }
      assertThat(connection.ending()).isIn("eof", "reset");
      assertThat(second.mismatch(target.arena.allocate(MIB).fill((byte) 9))).isEqualTo(-1);
      // What is no longer registered is refused.
      try (RawInitiator late = connect(target)) {
        late.send(header(10, registration.address(), READ | V2));
        assertThat(late.receive(8)).isEqualTo(REJECTED);
      }
    }
  }

  @Test
  void unregisteringCutsOffAnAnswerThatNobodyReads() throws Exception {
    try (TestEngine target = new TestEngine(4096);
        RawInitiator connection =
            new RawInitiator(RawInitiator.dataPort(target.engine.rpcPort()), 4096)) {
      MemorySegment second = target.arena.allocate(32 * MIB, 4096);
      Registration registration = target.engine.register(second);
      connection.send(header(32 * MIB, registration.address(), READ | V2));
      assertThat(connection.receive(8)).isEqualTo(OK);
      registration.close();
      int got = 0;
      try {
        for (; got < 32; got++) {
          connection.receive(MIB);
        }
      } catch (IOException e) {
        // As it should be.
      }
      assertThat(got).isLessThan(32);
    }
  }

  @Test
  void manyConnectionsAtOnce() throws Exception {
    try (TestEngine target = new TestEngine(16 * MIB)) {
      int port = RawInitiator.dataPort(target.engine.rpcPort());
      AtomicReference<Throwable> wrong = new AtomicReference<>();
      List<Thread> threads = new ArrayList<>();
      for (int t = 0; t < 100; t++) {
        int thread = t;
        threads.add(
            Thread.ofVirtual()
                .start(
                    () -> {
                      try {
                        for (int i = 0; i < 5; i++) {
                          try (RawInitiator connection = new RawInitiator(port, 0)) {
                            int size = 1 + thread * 300 + i * 20_000;
                            byte[] body = random(thread * 10L + i, size);
                            long at = target.address() + thread * 130_000L;
                            connection.send(writeRequest(at, body, V2));
                            assertThat(connection.receive(8)).isEqualTo(OK);
                            connection.send(header(size, at, READ | V2));
                            assertThat(connection.receive(8)).isEqualTo(OK);
                            assertThat(connection.receive(size)).isEqualTo(body);
                          }
                        }
                      } catch (Throwable e) {
                        wrong.set(e);
                      }
                    }));
      }
      for (Thread thread : threads) {
        thread.join();
      }
      assertThat(wrong.get()).isNull();
    }
  }

  /** A well-behaved client beside the others; closing it checks that it was served throughout. */
  static final class Good implements AutoCloseable {
    private final AtomicBoolean stop = new AtomicBoolean();
    private final AtomicReference<Throwable> wrong = new AtomicReference<>();
    private final AtomicLong rounds = new AtomicLong();
    private final Thread thread;

    Good(TestEngine target) throws IOException {
      RawInitiator connection = connect(target);
      thread =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try (connection) {
                      while (!stop.get()) {
                        byte[] same = target.bytes(1000, 5000);
                        connection.send(writeRequest(target.address() + 1000, same, V2));
                        assertThat(connection.receive(8)).isEqualTo(OK);
                        connection.send(header(5000, target.address() + 1000, READ | V2));
                        assertThat(connection.receive(8)).isEqualTo(OK);
                        assertThat(connection.receive(5000)).isEqualTo(same);
                        rounds.incrementAndGet();
                        Thread.sleep(1);
                      }
                    } catch (Throwable e) {
                      wrong.set(e);
                    }
                  });
    }

    void keepsBeingServed() {
      long before = rounds.get();
      eventually("served", () -> rounds.get() > before + 1 || wrong.get() != null);
      assertThat(wrong.get()).isNull();
    }

    @Override
    public void close() {
      keepsBeingServed();
      stop.set(true);
      eventually("ended", () -> !thread.isAlive());
      assertThat(wrong.get()).isNull();
    }
  }
}
