// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.RawInitiator.OK;
import static io.transferengine.RawInitiator.READ;
import static io.transferengine.RawInitiator.V2;
import static io.transferengine.RawInitiator.WRITE;
import static io.transferengine.RawInitiator.header;
import static io.transferengine.RawInitiator.writeRequest;
import static io.transferengine.TestEngine.eventually;
import static io.transferengine.TestEngine.random;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.Counter;
import io.transferengine.transfer.TcpIo;
import java.io.IOException;
import java.util.Arrays;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The engine as target of version 1 initiators, whose write is done when it is sent: what they ask
 * for next, on another connection, comes after it.
 */
@Timeout(120)
class VersionOneOrderTest {
  private static final int MIB = 1 << 20;
  private static final int ROUNDS = 200;

  private static TestEngine target(int ioThreads) {
    return new TestEngine(8 * MIB, builder -> builder.tcpIoThreads(ioThreads));
  }

  private static int dataPort(TestEngine target) throws IOException {
    return RawInitiator.dataPort(target.engine.rpcPort());
  }

  @ParameterizedTest
  @CsvSource({
    "8,1",
    "8,4",
    "4096,4",
    "20000,4",
    "65536,4",
    "65536,8",
    "1048576,1",
    "1048576,4",
    "4194304,1",
    "4194304,4"
  })
  void aReadSeesTheWriteBeforeIt(int size, int ioThreads) throws Exception {
    try (TestEngine target = target(ioThreads)) {
      int port = dataPort(target);
      for (int round = 0; round < ROUNDS; round++) {
        byte[] body = random(round, size);
        try (RawInitiator writer = new RawInitiator(port, 0)) {
          writer.send(writeRequest(target.address(), body, 0));
          if (round % 2 == 0) {
            writer.hangUp(); // As C++ does.
          }
          try (RawInitiator reader = new RawInitiator(port, 0)) {
            reader.send(header(size, target.address(), READ));
            int old = Arrays.mismatch(reader.receive(size), body);
            assertThat(old).as("round %s: the first old byte", round).isEqualTo(-1);
          }
        }
      }
      assertThat(target.count(Counter.INBOUND_ORDER_GIVEN_UP)).isZero();
    }
  }

  @ParameterizedTest
  @CsvSource({"NIO,4096", "NIO,1048576", "IO_URING,4096", "IO_URING,1048576"})
  void soItDoesOnEveryKindOfInput(TcpIo io, int size) throws Exception {
    try (TestEngine target = new TestEngine(8 * MIB, b -> b.tcpIoThreads(4).tcpIo(io))) {
      int port = dataPort(target);
      for (int round = 0; round < ROUNDS / 2; round++) {
        byte[] body = random(round, size);
        try (RawInitiator writer = new RawInitiator(port, 0);
            RawInitiator reader = new RawInitiator(port, 0)) {
          writer.send(writeRequest(target.address(), body, 0));
          reader.send(header(size, target.address(), READ));
          assertThat(Arrays.mismatch(reader.receive(size), body))
              .as("round %s", round)
              .isEqualTo(-1);
        }
      }
    }
  }

  /** Lanes that stay: the one that was made first reads what went out on the others. */
  @ParameterizedTest
  @CsvSource({"8,0", "4096,0", "4096,100000", "1048576,0"})
  void anOlderConnectionSeesTheWriteOfANewerOne(int size, int before) throws Exception {
    try (TestEngine target = target(4)) {
      int port = dataPort(target);
      try (RawInitiator reader = new RawInitiator(port, 0);
          RawInitiator idle = new RawInitiator(port, 0);
          RawInitiator first = new RawInitiator(port, 0);
          RawInitiator second = new RawInitiator(port, 0)) {
        for (RawInitiator lane : new RawInitiator[] {reader, idle, first, second}) {
          // Who waits to be accepted is not seen by those who were accepted before.
          lane.send(header(1, target.address(), READ));
          assertThat(lane.receive(1)).hasSize(1);
        }
        for (int round = 0; round < ROUNDS; round++) {
          byte[] body = random(round, size);
          RawInitiator writer = round % 3 == 0 ? first : second;
          if (before > 0) {
            // In front of it on the same connection, to somewhere else.
            writer.send(writeRequest(target.address() + 4 * MIB, random(1, before), 0));
          }
          writer.send(writeRequest(target.address(), body, 0));
          reader.send(header(size, target.address(), READ));
          assertThat(Arrays.mismatch(reader.receive(size), body))
              .as("round %s", round)
              .isEqualTo(-1);
        }
      }
    }
  }

  @Test
  void theNewerOfTwoWritesStays() throws Exception {
    int size = MIB;
    try (TestEngine target = target(4)) {
      int port = dataPort(target);
      for (int round = 0; round < ROUNDS; round++) {
        byte[] large = random(round, size);
        byte[] small = random(round + 1000, 8);
        try (RawInitiator first = new RawInitiator(port, 0);
            RawInitiator second = new RawInitiator(port, 0)) {
          first.send(writeRequest(target.address(), large, 0)).halfClose();
          second.send(writeRequest(target.address() + size - 8, small, 0)).halfClose();
          assertThat(first.ending()).isEqualTo("eof");
          assertThat(second.ending()).isEqualTo("eof");
          assertThat(target.bytes(size - 8, 8)).as("round %s", round).isEqualTo(small);
        }
      }
    }
  }

  /** Whoever leaves a write open holds up those who want its range by version 1, and no others. */
  @Test
  void aStalledWriteHoldsUpItsRangeOnlyAndUntilItEnds() throws Exception {
    try (TestEngine target = target(4)) {
      int port = dataPort(target);
      try (RawInitiator stalled = new RawInitiator(port, 0);
          RawInitiator silent = new RawInitiator(port, 0);
          RawInitiator halfHeader = new RawInitiator(port, 0);
          RawInitiator beside = new RawInitiator(port, 0);
          RawInitiator version2 = new RawInitiator(port, 0);
          RawInitiator same = new RawInitiator(port, 0)) {
        halfHeader.send(Arrays.copyOf(header(8, target.address(), WRITE), 10));
        stalled.send(header(1000, target.address(), WRITE));
        stalled.send(new byte[10]);
        beside.send(header(8, target.address() + 1000, READ));
        assertThat(beside.receive(8)).hasSize(8);
        beside.send(writeRequest(target.address() + 2000, random(1, 8), 0));
        beside.send(header(8, target.address() + 2000, READ));
        assertThat(beside.receive(8)).isEqualTo(random(1, 8));
        version2.send(header(8, target.address() + 500, READ | V2));
        assertThat(version2.receive(8)).isEqualTo(OK);
        assertThat(version2.receive(8)).hasSize(8);

        same.send(header(8, target.address() + 900, READ));
        same.socket.setSoTimeout(300);
        assertThat(same.ending()).isEqualTo("open");
        same.socket.setSoTimeout(20_000);
        silent.send(header(8, target.address() + 5000, READ));
        assertThat(silent.receive(8)).hasSize(8);
        stalled.hangUp();
        assertThat(same.receive(8)).hasSize(8);
      }
    }
  }

  @Test
  void aRequestGoesAheadOfAWriteThatStallsForTooLong() throws Exception {
    try (TestEngine target =
        new TestEngine(8 * MIB, b -> b.tcpIoThreads(4).inboundStallSeconds(1))) {
      int port = dataPort(target);
      try (RawInitiator dribbling = new RawInitiator(port, 0);
          RawInitiator reader = new RawInitiator(port, 0)) {
        dribbling.send(header(1000, target.address(), WRITE));
        FutureTask<Void> dribble =
            new FutureTask<>(
                () -> {
                  while (target.count(Counter.INBOUND_ORDER_GIVEN_UP) == 0) {
                    dribbling.send(new byte[1]);
                    Thread.sleep(20);
                  }
                  return null;
                });
        Thread.ofVirtual().start(dribble);
        eventually("a byte of the write", () -> target.count(Counter.INBOUND_BYTES_WRITTEN) > 0);
        // Behind what has arrived: bytes that are there are not waited for.
        reader.send(header(8, target.address() + 990, READ));
        assertThat(reader.receive(8)).hasSize(8);
        dribble.get();
        assertThat(target.count(Counter.INBOUND_ORDER_GIVEN_UP)).isEqualTo(1);
      }
    }
  }

  /** Members come and go with their connections. */
  @Test
  void aCrowdOfSilentConnectionsChangesNothing() throws Exception {
    try (TestEngine target = target(4)) {
      int port = dataPort(target);
      RawInitiator[] silent = new RawInitiator[300];
      for (int i = 0; i < silent.length; i++) {
        silent[i] = new RawInitiator(port, 0);
      }
      try (RawInitiator writer = new RawInitiator(port, 0);
          RawInitiator reader = new RawInitiator(port, 0)) {
        for (int round = 0; round < ROUNDS; round++) {
          byte[] body = random(round, 4096);
          writer.send(writeRequest(target.address(), body, 0));
          reader.send(header(4096, target.address(), READ));
          int old = Arrays.mismatch(reader.receive(4096), body);
          assertThat(old).as("round %s: the first old byte", round).isEqualTo(-1);
          if (round < silent.length) {
            silent[round].close();
          }
        }
      } finally {
        for (RawInitiator one : silent) {
          one.close();
        }
      }
    }
  }
}
