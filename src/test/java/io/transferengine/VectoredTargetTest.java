// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.RawInitiator.OK;
import static io.transferengine.RawInitiator.READ;
import static io.transferengine.RawInitiator.REJECTED;
import static io.transferengine.RawInitiator.V2;
import static io.transferengine.RawInitiator.VECTOR_READ;
import static io.transferengine.RawInitiator.VECTOR_WRITE;
import static io.transferengine.RawInitiator.header;
import static io.transferengine.RawInitiator.vector;
import static io.transferengine.RawInitiator.writeRequest;
import static io.transferengine.TestEngine.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.Counter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The engine as the target of vectored requests that are written by hand from PROTOCOL.md. */
@Timeout(120)
class VectoredTargetTest {
  private static final int MIB = 1 << 20;
  private static final int RANGES_LIMIT = 1024;

  private static RawInitiator connect(TestEngine engine) throws IOException {
    return RawInitiator.to(engine.engine.rpcPort());
  }

  /** A request and what it is for. */
  @SuppressWarnings("ArrayRecordComponent")
  private record Vector(long[] offsets, int[] lengths, byte[] body) {
    static Vector random(Random random, int count, int slot) {
      long[] offsets = new long[count];
      int[] lengths = new int[count];
      int total = 0;
      for (int i = 0; i < count; i++) {
        lengths[i] = 1 + random.nextInt(slot);
        // In no order, never overlapping: 1031 is a prime.
        offsets[i] = (long) slot * ((i * 1031L + 3) % count);
        total += lengths[i];
      }
      byte[] body = new byte[total];
      random.nextBytes(body);
      return new Vector(offsets, lengths, body);
    }

    byte[] header(int opcode, long base) {
      long[] table = new long[2 * offsets.length];
      for (int i = 0; i < offsets.length; i++) {
        table[2 * i] = base + offsets[i];
        table[2 * i + 1] = lengths[i];
      }
      return vector(opcode, body.length, offsets.length, table);
    }

    /** Puts the body where it belongs, as the target should. */
    void applyTo(byte[] memory) {
      int at = 0;
      for (int i = 0; i < offsets.length; i++) {
        System.arraycopy(body, at, memory, (int) offsets[i], lengths[i]);
        at += lengths[i];
      }
    }
  }

  private static Random random(String test) {
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println(test + ": replay with -Dseed=" + seed);
    return new Random(seed);
  }

  private static byte[] concat(byte[] one, byte[] two) {
    byte[] both = Arrays.copyOf(one, one.length + two.length);
    System.arraycopy(two, 0, both, one.length, two.length);
    return both;
  }

  @Test
  void everyRangeIsWrittenAndReadAndNothingElse() throws Exception {
    Random random = random("everyRange");
    try (TestEngine target = new TestEngine(2 * MIB);
        RawInitiator connection = connect(target)) {
      byte[] expected = target.bytes(0, 2 * MIB);
      for (int count : new int[] {1, 2, 63, 64, 65, 300, RANGES_LIMIT}) {
        for (int slot : new int[] {1, 100, 1000, MIB / count}) {
          if (slot > MIB / count) {
            continue;
          }
          Vector vector = Vector.random(random, count, slot);
          connection.send(concat(vector.header(VECTOR_WRITE, target.address()), vector.body()));
          assertThat(connection.receive(8)).isEqualTo(OK);
          vector.applyTo(expected);
          assertThat(target.bytes(0, 2 * MIB)).isEqualTo(expected);
          connection.send(vector.header(VECTOR_READ, target.address()));
          assertThat(connection.receive(8)).isEqualTo(OK);
          assertThat(connection.receive(vector.body().length)).isEqualTo(vector.body());
        }
      }
      target.assertNothingInFlight();
    }
  }

  @Test
  void vectoredAndPlainRequestsAreAnsweredInOrder() throws Exception {
    Random random = random("inOrder");
    try (TestEngine target = new TestEngine(4 * MIB);
        RawInitiator connection = connect(target)) {
      ByteArrayOutputStream stream = new ByteArrayOutputStream();
      ByteArrayOutputStream answers = new ByteArrayOutputStream();
      for (int i = 0; i < 60; i++) {
        Vector vector = Vector.random(random, 2 + random.nextInt(100), 8000);
        stream.writeBytes(vector.header(VECTOR_WRITE, target.address()));
        stream.writeBytes(vector.body());
        stream.writeBytes(vector.header(VECTOR_READ, target.address()));
        answers.writeBytes(OK);
        answers.writeBytes(OK);
        answers.writeBytes(vector.body());
        byte[] plain = TestEngine.random(i, random.nextBoolean() ? 100 : 40_000);
        stream.writeBytes(writeRequest(target.address() + MIB + i * 40_000L, plain, V2));
        stream.writeBytes(header(plain.length, target.address() + MIB + i * 40_000L, READ | V2));
        answers.writeBytes(OK);
        answers.writeBytes(OK);
        answers.writeBytes(plain);
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
      assertThat(connection.receiveToEnd()).isEqualTo(answers.toByteArray());
      writer.join();
    }
  }

  @Test
  void aFrameMayDribble() throws Exception {
    Random random = random("dribble");
    try (TestEngine target = new TestEngine(MIB);
        RawInitiator connection = connect(target)) {
      Vector vector = Vector.random(random, 20, 500);
      connection.dribble(concat(vector.header(VECTOR_WRITE, target.address()), vector.body()));
      assertThat(connection.receive(8)).isEqualTo(OK);
      byte[] expected = new byte[MIB];
      vector.applyTo(expected);
      assertThat(target.bytes(0, MIB)).isEqualTo(expected);
      connection.dribble(vector.header(VECTOR_READ, target.address()));
      assertThat(connection.receive(8)).isEqualTo(OK);
      assertThat(connection.receive(vector.body().length)).isEqualTo(vector.body());
    }
  }

  @Test
  void oneBadRangeRefusesTheFrameBeforeAByteIsMoved() throws Exception {
    try (TestEngine target = new TestEngine(MIB)) {
      long base = target.address();
      long[][] bad = {
        {0x1000, 100},
        {base - 1, 2},
        {base + MIB - 1, 2},
        {base + MIB, 1},
        {base, 0},
        {base, -1},
        {base, Long.MIN_VALUE},
        {base, Long.MAX_VALUE},
        {-1, 100},
        {base + 10, Long.MAX_VALUE - base},
        {base + 10, 1L << 40},
      };
      int refusals = 0;
      for (long[] range : bad) {
        for (int place = 0; place < 3; place++) {
          long[] table = {base, 100, base + 200, 100, base + 400, 100};
          table[2 * place] = range[0];
          table[2 * place + 1] = range[1];
          long honest = LongStream.of(table[1], table[3], table[5]).sum();
          for (int opcode : new int[] {VECTOR_READ, VECTOR_WRITE}) {
            for (long total : new long[] {300, honest}) {
              try (RawInitiator connection = connect(target)) {
                connection.send(vector(opcode, total, 3, table));
                if (opcode == VECTOR_WRITE) {
                  connection.send(RawTargetTest.filled(300, (byte) 7));
                }
                assertThat(connection.receive(8))
                    .as("%s at %d, %d in all", Arrays.toString(range), place, total)
                    .isEqualTo(REJECTED);
                assertThat(connection.ending()).isEqualTo("eof");
                refusals++;
              }
            }
          }
        }
      }
      assertThat(target.bytes(0, MIB)).isEqualTo(new byte[MIB]);
      assertThat(target.count(Counter.INBOUND_REJECTED)).isEqualTo(refusals);
      target.assertNothingInFlight();
    }
  }

  @Test
  void numbersBeyondTheLimitsAndSumsThatDisagreeAreRefused() throws Exception {
    try (TestEngine target = new TestEngine(4 * MIB)) {
      long base = target.address();
      long[][] sizeAndCount = {
        {100, 0},
        {100, -1},
        {100, Long.MIN_VALUE},
        {100, Long.MAX_VALUE},
        {5000, RANGES_LIMIT + 1},
        {MIB + 1, 2},
        {-1, 2},
        {0, 2},
        {1, 2},
        {Long.MAX_VALUE, 2},
        {100, 1L << 32 | 2},
        {100, base},
      };
      for (long[] header : sizeAndCount) {
        for (int opcode : new int[] {VECTOR_READ, VECTOR_WRITE}) {
          try (RawInitiator connection = connect(target)) {
            connection.send(vector(opcode, header[0], header[1], base, 50, base + 50, 50));
            assertThat(connection.receive(8)).as(Arrays.toString(header)).isEqualTo(REJECTED);
            assertThat(connection.ending()).isEqualTo("eof");
          }
        }
      }
      for (long total : new long[] {2, 99, 101, MIB}) {
        try (RawInitiator connection = connect(target)) {
          connection.send(vector(VECTOR_READ, total, 2, base, 50, base + 50, 50));
          assertThat(connection.receive(8)).as("" + total).isEqualTo(REJECTED);
        }
      }
      // Without the version 2 bit it is no opcode at all.
      for (int opcode : new int[] {0x60, 0x61}) {
        try (RawInitiator connection = connect(target)) {
          connection.send(vector(opcode, 100, 2, base, 50, base + 50, 50));
          assertThat(connection.ending()).isIn("eof", "reset");
        }
      }
      target.assertNothingInFlight();
    }
  }

  @Test
  void aRangeMustNotCrossFromOneRegistrationIntoTheNext() throws Exception {
    try (TestEngine target = new TestEngine(4096);
        Arena arena = Arena.ofShared()) {
      MemorySegment both = arena.allocate(8192, 4096);
      Registration first = target.engine.register(both.asSlice(0, 4096));
      Registration second = target.engine.register(both.asSlice(4096, 4096));
      long base = first.address();
      try (RawInitiator connection = connect(target)) {
        connection.send(
            concat(vector(VECTOR_WRITE, 20, 2, base + 4086, 10, base + 4096, 10), new byte[20]));
        assertThat(connection.receive(8)).isEqualTo(OK);
        connection.send(vector(VECTOR_READ, 20, 2, base, 10, base + 4090, 10));
        assertThat(connection.receive(8)).isEqualTo(REJECTED);
      }
      second.close();
      first.close();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {12, 24 + 8, 24 + 32, 24 + 32 + 10, 24 + 32 + 5000})
  void aFrameThatStopsHalfWayIsClosedAndLeavesTheRegion(int sent) throws Exception {
    try (TestEngine target = new TestEngine(MIB, b -> b.inboundStallSeconds(1))) {
      long base = target.address();
      byte[] frame =
          concat(vector(VECTOR_WRITE, 8000, 2, base, 4000, base + 4000, 4000), new byte[8000]);
      try (RawInitiator connection = connect(target)) {
        connection.send(Arrays.copyOf(frame, sent));
        // The stall, without an end from our side.
        assertThat(connection.ending()).isIn("eof", "reset");
      }
      target.assertNothingInFlight();
      try (RawInitiator connection = connect(target)) {
        connection.send(Arrays.copyOf(frame, sent)).halfClose();
        assertThat(connection.ending()).isIn("eof", "reset");
      }
      target.assertNothingInFlight();
      try (RawInitiator connection = connect(target)) {
        connection.send(Arrays.copyOf(frame, sent));
        connection.socket.setSoLinger(true, 0);
      }
      target.assertNothingInFlight();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void unregisteringCutsOffAFrameOfWhichARangeIsYetToCome(boolean itsRangeHasBegun)
      throws Exception {
    try (TestEngine target = new TestEngine(MIB);
        RawInitiator connection = connect(target)) {
      MemorySegment second = target.arena.allocate(4096, 4096);
      Registration registration = target.engine.register(second);
      connection.send(
          vector(VECTOR_WRITE, 2000, 2, target.address(), 1000, registration.address(), 1000));
      int sent = itsRangeHasBegun ? 1500 : 500;
      connection.send(RawTargetTest.filled(sent, (byte) 1));
      eventually(
          "the first part is there",
          () -> target.memory.get(ValueLayout.JAVA_BYTE, Math.min(sent, 1000) - 1) == 1);
      registration.close();
      second.fill((byte) 9);
      try {
        connection.send(RawTargetTest.filled(2000 - sent, (byte) 2));
      } catch (IOException e) {
        // Closed already.
      }
      assertThat(connection.ending()).isIn("eof", "reset");
      assertThat(second.toArray(ValueLayout.JAVA_BYTE))
          .isEqualTo(RawTargetTest.filled(4096, (byte) 9));
    }
  }

  @Test
  void whoAsksForMuchAndDoesNotReadGetsItAllLater() throws Exception {
    try (TestEngine target = new TestEngine(4 * MIB);
        RawInitiator connection =
            new RawInitiator(RawInitiator.dataPort(target.engine.rpcPort()), 8192)) {
      byte[] content = TestEngine.random(3, MIB);
      target.put(0, content);
      byte[] request =
          vector(
              VECTOR_READ, MIB, 2, target.address(), MIB / 2, target.address() + MIB / 2, MIB / 2);
      int count = 60;
      ByteArrayOutputStream stream = new ByteArrayOutputStream();
      for (int i = 0; i < count; i++) {
        stream.writeBytes(request);
      }
      connection.send(stream.toByteArray()).halfClose();
      eventually("it is served", () -> target.count(Counter.INBOUND_REQUESTS) > 0);
      // Meanwhile others are served.
      try (RawInitiator other = connect(target)) {
        other.send(header(10, target.address(), READ | V2));
        assertThat(other.receive(8)).isEqualTo(OK);
      }
      for (int i = 0; i < count; i++) {
        assertThat(connection.receive(8)).isEqualTo(OK);
        assertThat(connection.receive(MIB)).isEqualTo(content);
      }
      assertThat(connection.ending()).isEqualTo("eof");
    }
  }

  /** Frames that are nearly right. Nothing outside the registration is touched. */
  @Test
  void whateverArrivesOnlyRegisteredMemoryIsTouched() throws Exception {
    Random random = random("fuzz");
    int guard = 128 << 10;
    int inside = 256 << 10;
    try (Arena arena = Arena.ofShared();
        TestEngine target = new TestEngine(4096, b -> b.inboundStallSeconds(1))) {
      MemorySegment all = arena.allocate(2 * guard + inside, 4096).fill((byte) 0x5a);
      Registration registration = target.engine.register(all.asSlice(guard, inside));
      int port = RawInitiator.dataPort(target.engine.rpcPort());
      for (int round = 0; round < 500; round++) {
        Vector vector = Vector.random(random, 1 + random.nextInt(60), inside / 60);
        byte[] header =
            vector.header(
                random.nextBoolean() ? VECTOR_READ : VECTOR_WRITE, registration.address());
        for (int i = random.nextInt(4); i > 0; i--) {
          int at = random.nextInt(random.nextBoolean() ? 24 : header.length);
          header[at] =
              switch (random.nextInt(4)) {
                case 0 -> (byte) (header[at] + 1);
                case 1 -> (byte) (header[at] ^ 1 << random.nextInt(8));
                case 2 -> (byte) 0xff;
                default -> (byte) random.nextInt();
              };
        }
        try (RawInitiator connection = new RawInitiator(port, 0)) {
          byte[] stream = concat(header, vector.body());
          for (int at = 0; at < stream.length; ) {
            int end =
                Math.min(
                    stream.length, at + 1 + random.nextInt(random.nextBoolean() ? 40 : 100_000));
            connection.send(Arrays.copyOfRange(stream, at, end));
            at = end;
          }
          if (random.nextBoolean()) {
            connection.halfClose();
            assertThat(connection.receiveToEndOrReset()).isTrue();
          }
        } catch (IOException e) {
          // It had reason to close.
        }
      }
      assertThat(all.asSlice(0, guard).toArray(ValueLayout.JAVA_BYTE))
          .isEqualTo(RawTargetTest.filled(guard, (byte) 0x5a));
      assertThat(all.asSlice(guard + inside, guard).toArray(ValueLayout.JAVA_BYTE))
          .isEqualTo(RawTargetTest.filled(guard, (byte) 0x5a));
      target.assertNothingInFlight();
      registration.close();
    }
  }
}
