// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.RawInitiator.OK;
import static io.transferengine.RawInitiator.READ;
import static io.transferengine.RawInitiator.V2;
import static io.transferengine.RawInitiator.WRITE;
import static io.transferengine.RawInitiator.header;
import static io.transferengine.RawInitiator.writeRequest;
import static io.transferengine.TestEngine.assertCompleted;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Streams that are nearly right, in both directions. {@code -Dseed=} replays. */
@Timeout(60)
class RawPeerFuzzTest {
  private static final int GUARD = 128 << 10;
  private static final int INSIDE = 256 << 10;
  private static final byte MARK = 0x5a;

  private static Random random(String test) {
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println(test + ": replay with -Dseed=" + seed);
    return new Random(seed);
  }

  private static void assertGuards(MemorySegment all) {
    for (long i = 0; i < GUARD; i += 8) {
      if (all.get(ValueLayout.JAVA_LONG, i) != 0x5a5a5a5a5a5a5a5aL
          || all.get(ValueLayout.JAVA_LONG, GUARD + INSIDE + i) != 0x5a5a5a5a5a5a5a5aL) {
        throw new AssertionError("a guard was changed near offset " + i);
      }
    }
  }

  @Test
  void whateverArrivesOnlyRegisteredMemoryIsTouched() throws Exception {
    Random random = random("target");
    try (Arena arena = Arena.ofShared();
        TestEngine target = new TestEngine(4096, b -> b.inboundStallSeconds(1))) {
      MemorySegment all = arena.allocate(2 * GUARD + INSIDE, 4096).fill(MARK);
      Registration registration = target.engine.register(all.asSlice(GUARD, INSIDE));
      int port = RawInitiator.dataPort(target.engine.rpcPort());
      for (int round = 0; round < 400; round++) {
        byte[] stream = stream(random, registration.address());
        mutate(random, stream);
        try (RawInitiator connection = new RawInitiator(port, 0)) {
          int at = 0;
          while (at < stream.length) {
            int piece = 1 + random.nextInt(random.nextBoolean() ? 40 : 100_000);
            int end = Math.min(stream.length, at + piece);
            connection.send(Arrays.copyOfRange(stream, at, end));
            at = end;
          }
          switch (random.nextInt(3)) {
            case 0 -> connection.socket.setSoLinger(true, 0);
            case 1 -> {
              connection.halfClose();
              assertThat(connection.receiveToEndOrReset()).isTrue();
            }
            default -> {}
          }
        } catch (IOException e) {
          // It had reason to close.
        }
      }
      assertGuards(all);
      // A write that still waits for its turn would land in what the good one has written.
      KernelQueues.awaitNoConnection(port);
      target.assertNothingInFlight();
      try (RawInitiator good = new RawInitiator(port, 0)) {
        byte[] body = TestEngine.random(1, INSIDE);
        good.send(writeRequest(registration.address(), body, V2));
        assertThat(good.receive(8)).isEqualTo(OK);
        good.send(header(INSIDE, registration.address(), READ | V2));
        assertThat(good.receive(8)).isEqualTo(OK);
        assertThat(good.receive(INSIDE)).isEqualTo(body);
      }
      assertGuards(all);
      registration.close();
    }
  }

  /** A few valid requests. */
  private static byte[] stream(Random random, long base) {
    ByteArrayOutputStream stream = new ByteArrayOutputStream();
    for (int i = 1 + random.nextInt(6); i > 0; i--) {
      int size = 1 + (random.nextInt(3) == 0 ? random.nextInt(60_000) : random.nextInt(300));
      long address = base + random.nextInt(INSIDE - size + 1);
      int v2 = random.nextBoolean() ? V2 : 0;
      if (random.nextBoolean()) {
        byte[] body = new byte[size];
        stream.writeBytes(header(size, address, WRITE | v2));
        stream.writeBytes(body);
      } else {
        stream.writeBytes(header(size, address, READ | v2));
      }
    }
    return stream.toByteArray();
  }

  private static void mutate(Random random, byte[] stream) {
    for (int i = random.nextInt(4); i > 0; i--) {
      // The first header's fields are the likeliest victims: small changes of size and address.
      int at =
          random.nextBoolean()
              ? random.nextInt(Math.min(24, stream.length))
              : random.nextInt(stream.length);
      stream[at] =
          switch (random.nextInt(4)) {
            case 0 -> (byte) (stream[at] + 1);
            case 1 -> (byte) (stream[at] ^ 1 << random.nextInt(8));
            case 2 -> (byte) 0xff;
            default -> (byte) random.nextInt();
          };
    }
  }

  @Test
  void whateverIsAnsweredOnlyTheBlocksAreTouchedAndEveryTransferEnds() throws Exception {
    Random random = random("initiator");
    for (int version = 1; version <= 2; version++) {
      try (Arena arena = Arena.ofShared();
          RawTarget target = new RawTarget(version, INSIDE);
          TestEngine here = new TestEngine(4096)) {
        MemorySegment all = arena.allocate(2 * GUARD + INSIDE, 4096).fill(MARK);
        Registration registration = here.engine.register(all);
        long seed = random.nextLong();
        AtomicInteger connections = new AtomicInteger();
        target.behaving(c -> answerNearly(c, new Random(seed + connections.getAndIncrement())));
        for (int round = 0; round < 60; round++) {
          Operation operation = random.nextInt(3) == 0 ? Operation.WRITE : Operation.READ;
          Transfer transfer =
              here.submit(
                  operation,
                  target.name(),
                  blocks(random, registration.address() + GUARD),
                  Duration.ofMillis(400));
          TestEngine.end(transfer);
          assertThat(transfer.state().isTerminal()).isTrue();
          byte[] then = all.toArray(ValueLayout.JAVA_BYTE);
          if (round % 10 == 0) {
            target.endConnections();
            assertThat(Arrays.equals(all.toArray(ValueLayout.JAVA_BYTE), then)).isTrue();
          }
          assertGuards(all);
        }
        target.behaving(RawTarget.Connection::serveAll);
        // Those that still have the old behaviour would fail what is first sent on them.
        target.endConnections();
        assertCompleted(
            here.submit(
                Operation.READ,
                target.name(),
                BlockColumns.of(registration.address(), RawTarget.BASE, 1000)));
        registration.close();
      }
    }
  }

  private static BlockColumns blocks(Random random, long base) {
    int count = 1 + random.nextInt(8);
    long[] local = new long[count];
    long[] remote = new long[count];
    long[] length = new long[count];
    final int slot = INSIDE / 8;
    for (int i = 0; i < count; i++) {
      local[i] = base + (long) i * slot;
      remote[i] = RawTarget.BASE + (long) i * slot;
      length[i] = 1L + random.nextInt(random.nextBoolean() ? 300 : slot - 1);
    }
    return BlockColumns.of(local, remote, length);
  }

  private static void answerNearly(RawTarget.Connection connection, Random random)
      throws IOException {
    for (int left = 1 + random.nextInt(20); left > 0; left--) {
      RawTarget.Request request = connection.required();
      if (random.nextInt(4) != 0) {
        if (!connection.serve(request)) {
          return;
        }
        continue;
      }
      switch (random.nextInt(7)) {
        case 0 -> connection.reset();
        case 1 -> connection.send(new byte[1 + random.nextInt(50)]);
        case 2 -> {
          if (request.isWrite()) {
            connection.body(request.size());
          }
          connection.status(random.nextInt());
        }
        case 3 -> {
          connection.status(0);
          connection.send(new byte[random.nextInt((int) request.size())]);
          return;
        }
        case 4 -> connection.status(1);
        case 5 -> {
          boolean _ = connection.serve(request);
          connection.send(new byte[random.nextInt(100_000)]);
        }
        default -> {
          return;
        }
      }
    }
  }
}
