// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.assertCompleted;
import static io.transferengine.TestEngine.assertFailed;
import static io.transferengine.TestEngine.random;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.FlippingRelay.Damage;
import io.transferengine.FlippingRelay.Way;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.testkit.LogCapture;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ChecksumMode;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import java.io.IOException;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * {@code TE_CHECKSUM}: bytes turn over between two engines, wherever on the wire, and no transfer
 * completes with them (ADR 30).
 */
@Timeout(120)
class ChecksumTest {
  private static final int BYTES = 256 << 10;

  /** Where blocks may be on the target's side; what is around it must never change. */
  private static final int FROM = 64 << 10;

  private static final int HEADER = 24;
  private static final int SUM = 4;
  private static final int STATUS = 8 + SUM;
  private static final int HELLO_ANSWER = 20;

  private final long seed = Long.getLong("seed", System.nanoTime() & 0xffff_ffffL);
  private final Random random = new Random(seed);
  private TestEngine here;
  private TestEngine there;
  private FlippingRelay relay;
  private RawTarget directory;
  private byte[] known;

  @BeforeEach
  void open() throws IOException {
    System.out.println("ChecksumTest: replay with -Dseed=" + seed);
    here = new TestEngine(BYTES, config -> one(config).checksum(ChecksumMode.CRC32C));
    there = new TestEngine(BYTES, ChecksumTest::one);
    relay = new FlippingRelay(RawInitiator.dataPort(there.engine.rpcPort()));
    String incarnation =
        there.engine.core().describe(there.engine.segmentName()).incarnation().orElseThrow();
    directory =
        new RawTarget(2, 1)
            .takingVectors()
            .withMembers(
                "\"te_incarnation\":\"%s\",\"te_tcp_identity\":1,\"te_tcp_checksum\":1,"
                    .formatted(incarnation))
            .leadingTo(relay.port());
    known = random(seed, BYTES);
    there.put(0, known);
    here.put(0, random(seed + 1, BYTES));
    // Two answers on a connection show the peer's habit: from now on frames are vectored.
    assertCompleted(move(Operation.READ, 100));
    assertCompleted(move(Operation.READ, 100));
  }

  private static EngineConfig.Builder one(EngineConfig.Builder config) {
    return config.tcpLanesPerPeer(1).tcpIoThreads(1);
  }

  @AfterEach
  void close() throws IOException {
    relay.close();
    directory.close();
    here.close();
    there.close();
  }

  /** Blocks of those lengths, which are adjacent nowhere. */
  private Transfer move(Operation operation, int... lengths) {
    long[] local = new long[lengths.length];
    long[] remote = new long[lengths.length];
    long[] bytes = Arrays.stream(lengths).asLongStream().toArray();
    int at = 0;
    for (int i = 0; i < lengths.length; i++) {
      local[i] = here.address() + at;
      remote[i] = there.address() + FROM + at;
      at += lengths[i] + 8;
    }
    return here.submit(operation, directory.name(), BlockColumns.of(local, remote, bytes));
  }

  private void assertMoved(Operation operation, int... lengths) {
    int at = 0;
    for (int length : lengths) {
      if (operation == Operation.WRITE) {
        System.arraycopy(here.bytes(at, length), 0, known, FROM + at, length);
      } else {
        assertThat(here.bytes(at, length))
            .as("seed %d", seed)
            .isEqualTo(Arrays.copyOfRange(known, FROM + at, FROM + at + length));
      }
      at += length + 8;
    }
    assertThat(there.bytes(0, BYTES)).as("seed %d", seed).isEqualTo(known);
  }

  private void renew(Operation operation) {
    if (operation == Operation.WRITE) {
      here.put(0, random(random.nextLong(), BYTES));
    } else {
      known = random(random.nextLong(), BYTES);
      there.put(0, known);
    }
  }

  private long mismatches() {
    return here.count(Counter.CHECKSUM_MISMATCHES)
        + there.count(Counter.INBOUND_CHECKSUM_MISMATCHES);
  }

  private static int frame(int... lengths) {
    int tables = lengths.length == 1 ? 0 : 16 * lengths.length + SUM;
    return HEADER + tables;
  }

  /** One byte after another is damaged, once; each time the transfer completes as it should. */
  @ParameterizedTest
  @CsvSource({"WRITE,40 ", "WRITE,40 7 33", "READ,40 ", "READ,40 7 33"})
  void everyByteOfARequestAndItsAnswerMayFlip(Operation operation, String text) {
    int[] lengths = Arrays.stream(text.trim().split(" ")).mapToInt(Integer::parseInt).toArray();
    int body = Arrays.stream(lengths).sum() + SUM;
    boolean write = operation == Operation.WRITE;
    int asked = frame(lengths) + (write ? body : 0);
    int answered = STATUS + (write ? 0 : body);
    for (Way way : Way.values()) {
      int count = way == Way.TO_TARGET ? asked : answered;
      for (int at = 0; at < count; at++) {
        flip(operation, way, at, lengths);
      }
      relay.damages(way, _ -> 0);
      assertCompleted(move(operation, lengths));
      assertThat(relay.passed(way)).as("%s: all bytes were damaged once", way).isEqualTo(count);
    }
  }

  private void flip(Operation operation, Way way, long at, int... lengths) {
    renew(operation);
    long before = mismatches();
    int mask = 1 + random.nextInt(255);
    relay.damages(way, offset -> offset == at ? mask : 0);
    Transfer transfer = move(operation, lengths);
    assertThat(TestEngine.end(transfer))
        .as("byte %d %s, mask %d, seed %d: %s", at, way, mask, seed, transfer.failure())
        .isEqualTo(TransferState.COMPLETED);
    assertThat(relay.flips()).isOne();
    assertMoved(operation, lengths);
    assertThat(mismatches()).as("byte %d %s, mask %d", at, way, mask).isGreaterThan(before);
  }

  /** Larger bodies go from where they lie to where they belong. */
  @ParameterizedTest
  @EnumSource
  void aFlipInALargeBodyIsFound(Operation operation) {
    int[] lengths = {70_001};
    boolean write = operation == Operation.WRITE;
    int head = write ? HEADER : STATUS;
    int end = head + lengths[0] + SUM;
    IntStream.concat(
            IntStream.of(0, head - 1, head, end - SUM - 1, end - SUM, end - 1),
            random.ints(20, head, end))
        .forEach(at -> flip(operation, write ? Way.TO_TARGET : Way.TO_INITIATOR, at, lengths));
  }

  /** No request is sent before the target has said that sums are heeded; see {@code WireForm}. */
  @Test
  void everyByteOfTheFirstFrameMayFlip() {
    for (Way way : Way.values()) {
      for (int at = 0; at < (way == Way.TO_TARGET ? HEADER : HELLO_ANSWER); at++) {
        try (TestEngine fresh =
            new TestEngine(4096, config -> one(config).checksum(ChecksumMode.CRC32C))) {
          int damaged = at;
          int mask = 1 + random.nextInt(255);
          relay.damages(way, offset -> offset == damaged ? mask : 0);
          byte[] sent = random(random.nextLong(), 40);
          fresh.put(0, sent);
          String what = "byte %d %s, mask %d, seed %d".formatted(at, way, mask, seed);
          Transfer transfer =
              fresh.submit(Operation.WRITE, directory.name(), there.address() + FROM, 40);
          assertThat(TestEngine.end(transfer)).as(what).isEqualTo(TransferState.COMPLETED);
          assertThat(fresh.count(Counter.CONNECTIONS_OPENED)).as(what).isEqualTo(2);
          System.arraycopy(sent, 0, known, FROM, sent.length);
          assertThat(there.bytes(0, BYTES)).as(what).isEqualTo(known);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aFlipThatComesAgainFailsTheTransferAndNoOther(Operation operation) {
    boolean write = operation == Operation.WRITE;
    int period = write ? HEADER + 40 + SUM : STATUS + 40 + SUM;
    Damage always = offset -> offset % period == period - 10 ? 0x10 : 0;
    relay.damages(write ? Way.TO_TARGET : Way.TO_INITIATOR, always);
    Transfer transfer = move(operation, 40);
    assertFailed(transfer);
    TransferException failure = transfer.failure().orElseThrow();
    assertThat(failure.code()).isEqualTo(ErrorCode.CHECKSUM);
    assertThat(failure)
        .hasMessageContaining("a wrong checksum of the body of a " + (write ? "write" : "read"))
        .hasMessageContaining("twice: 40 bytes at 0x%x there".formatted(there.address() + FROM))
        .hasMessageContaining("Does a thread change the memory while it is sent?");
    assertThat(here.engine.metrics().get(FailureCause.CHECKSUM)).isOne();
    assertThat(here.count(Counter.CHECKSUM_MISMATCHES)).isEqualTo(2);
    assertThat(there.count(Counter.INBOUND_CHECKSUM_MISMATCHES)).isEqualTo(write ? 2 : 0);
    relay.damages(Way.TO_TARGET, _ -> 0);
    if (write) {
      // As documented: until a write completes its range may hold anything.
      known = there.bytes(0, BYTES);
    }
    long opened = here.count(Counter.CONNECTIONS_OPENED);
    assertCompleted(move(operation, 40));
    assertMoved(operation, 40);
    assertThat(here.count(Counter.CONNECTIONS_OPENED)).as("the same connection").isEqualTo(opened);
  }

  @Test
  void aHeaderThatIsDamagedAgainFailsTheTransfer() {
    // A hello of 24 bytes before it, but on the connection that is there.
    relay.damages(Way.TO_TARGET, offset -> offset == 8 || offset == 68 + 24 + 8 ? 1 : 0);
    Transfer transfer = move(Operation.WRITE, 40);
    assertFailed(transfer);
    assertThat(transfer.failure().orElseThrow().code()).isEqualTo(ErrorCode.CHECKSUM);
    assertThat(there.bytes(0, BYTES)).as("no byte was placed").isEqualTo(known);
    assertCompleted(move(Operation.WRITE, 40));
  }

  @Test
  void aHelloThatNeverArrivesWholeFailsTheTransfer() {
    relay.cut();
    relay.damages(Way.TO_TARGET, offset -> offset % HEADER == 9 ? 1 : 0);
    Transfer transfer;
    do {
      transfer = move(Operation.WRITE, 40);
      assertFailed(transfer);
      // Else it was begun on the connection that is cut, whose end was not known yet.
    } while (transfer.failure().orElseThrow().code() == ErrorCode.SOCKET);
    assertThat(transfer.failure().orElseThrow().code()).isEqualTo(ErrorCode.CHECKSUM);
    assertThat(here.engine.metrics().get(FailureCause.CHECKSUM)).isOne();
    assertThat(there.bytes(0, BYTES)).isEqualTo(known);
  }

  @Test
  void aPeerWithoutIsUsedWithAWarningOrRefused() throws IOException {
    try (LogCapture log = new LogCapture();
        RawTarget old = new RawTarget(2, 4096);
        TestEngine strict =
            new TestEngine(4096, config -> config.checksum(ChecksumMode.REQUIRE_CRC32C))) {
      assertCompleted(here.submit(Operation.WRITE, old.name(), RawTarget.BASE, 100));
      assertThat(here.count(Counter.TRANSFERS_UNCHECKED)).isOne();
      assertThat(log.warnings())
          .anySatisfy(
              line ->
                  assertThat(line)
                      .contains("Peer " + old.name(), "TE_CHECKSUM", "it is used without"));
      int before = old.requests.size();
      Transfer refused = strict.submit(Operation.WRITE, old.name(), RawTarget.BASE, 100);
      assertFailed(refused);
      assertThat(refused.failure().orElseThrow().code()).isEqualTo(ErrorCode.CHECKSUM);
      assertThat(refused.failure().orElseThrow())
          .hasMessageContaining("TE_CHECKSUM asks for")
          .hasMessageContaining("or set crc32c");
      assertThat(strict.engine.metrics().get(FailureCause.CHECKSUM)).isOne();
      assertThat(old.requests).hasSize(before);
    }
  }

  @Test
  void whoDoesNotAskForThemSendsNone() {
    try (TestEngine plain = new TestEngine(4096, ChecksumTest::one)) {
      relay.cut();
      relay.damages(Way.TO_TARGET, _ -> 0);
      assertCompleted(plain.submit(Operation.WRITE, directory.name(), there.address() + FROM, 40));
      // The identity frame, a header, a body.
      assertThat(relay.passed(Way.TO_TARGET)).isEqualTo(24 + 24 + 40);
      assertThat(relay.passed(Way.TO_INITIATOR)).isEqualTo(8 + 8);
    }
  }
}
