// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.uring.IoUring;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.testkit.Mapped;
import io.transferengine.testkit.Needs;
import io.transferengine.testkit.Pattern;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ChecksumMode;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TcpIo;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The same transfers over every way that TCP can go, and copied on one machine; begun here and
 * begun by the peer.
 */
@Timeout(60)
class TransferVariantsTest {
  /** Around the header's 24 bytes, a segment's, the staging limit's and a window's. */
  private static final int[] SIZES = {
    0,
    1,
    7,
    8,
    23,
    24,
    25,
    4095,
    16_383,
    16_384,
    16_385,
    65_535,
    65_536,
    65_537,
    (1 << 20) + 3,
    5 * (1 << 20) + 1
  };

  /** Odd, so that nothing is aligned and neighbours are never adjacent. */
  private static final int GAP = 13;

  private static final int LENGTH = 8 << 20;
  private static final Duration LONG = Duration.ofSeconds(30);

  /** The peer's environment, and how our own engine is configured. */
  @SuppressWarnings("ImmutableEnumChecker") // the maps and functions here hold nothing that changes
  enum Variant {
    DEFAULT(Map.of(), config -> config),
    NO_POOL(
        Map.of("MC_TCP_ENABLE_CONNECTION_POOL", "0"),
        config -> config.tcpEnableConnectionPool(false)),
    V1_BOTH(Map.of("MC_TCP_PROTO", "1"), config -> config.tcpProtoVersion(1)),
    V1_HERE(Map.of(), config -> config.tcpProtoVersion(1)),
    V1_THERE(Map.of("MC_TCP_PROTO", "1"), config -> config),
    V1_NO_POOL(
        Map.of("MC_TCP_PROTO", "1", "MC_TCP_ENABLE_CONNECTION_POOL", "0"),
        config -> config.tcpProtoVersion(1).tcpEnableConnectionPool(false)),
    NIO(
        Map.of("TE_TCP_IO", "nio", "TE_BUSY_POLL_MICROS", "100"),
        config -> config.tcpIo(TcpIo.NIO).busyPollMicros(100)),
    IO_URING(
        Map.of("TE_TCP_IO", "io_uring", "TE_BUSY_POLL_MICROS", "100"),
        config -> config.tcpIo(TcpIo.IO_URING).busyPollMicros(100)),
    ZERO_COPY(
        Map.of("TE_TCP_IO", "io_uring", "TE_TCP_ZERO_COPY_BYTES", "4096"),
        config -> config.tcpIo(TcpIo.IO_URING).tcpZeroCopyBytes(4096)),
    ONE_LOOP_ONE_LANE(
        Map.of(
            "MC_NUM_TCP_IO_THREADS", "1",
            "MC_TCP_LANES_PER_PEER", "1",
            "TE_BUSY_POLL_MICROS", "100"),
        config -> config.tcpIoThreads(1).tcpLanesPerPeer(1).busyPollMicros(100)),
    EIGHT_LOOPS(
        Map.of("MC_NUM_TCP_IO_THREADS", "8", "MC_TCP_LANES_PER_PEER", "8"),
        config -> config.tcpIoThreads(8).tcpLanesPerPeer(8)),
    SMALL_LIMITS(
        Map.of("MC_TCP_MAX_QUEUED_TRANSFERS_PER_PEER", "1", "MC_TCP_SLICE_SIZE", "4096"),
        config ->
            config
                .tcpMaxQueuedTransfersPerPeer(2)
                .tcpMaxPendingAdmissionsPerPeer(1)
                .tcpSliceSizeBytes(4096)),
    CHECKSUM(
        Map.of("TE_CHECKSUM", "require_crc32c"),
        config -> config.checksum(ChecksumMode.REQUIRE_CRC32C)),
    CHECKSUM_NO_POOL_IO_URING(
        Map.of(
            "TE_CHECKSUM", "crc32c", "MC_TCP_ENABLE_CONNECTION_POOL", "0", "TE_TCP_IO", "io_uring"),
        config ->
            config
                .checksum(ChecksumMode.REQUIRE_CRC32C)
                .tcpEnableConnectionPool(false)
                .tcpIo(TcpIo.IO_URING)),
    IPV6(Map.of("MC_USE_IPV6", "1"), config -> config.useIpv6(true)),
    LOCAL(Map.of("TE_LOCAL", "required"), config -> config.local(LocalMode.REQUIRED));

    final Map<String, String> peerEnvironment;
    final UnaryOperator<EngineConfig.Builder> config;

    Variant(Map<String, String> peerEnvironment, UnaryOperator<EngineConfig.Builder> config) {
      this.peerEnvironment = peerEnvironment;
      this.config = config;
    }

    String host() {
      return this == IPV6 ? "[::1]" : "127.0.0.1";
    }

    /** MC_TCP_PROTO is the initiator's: a peer that has it set is still written to in version 2. */
    boolean version1Here() {
      return this == V1_BOTH || this == V1_HERE || this == V1_NO_POOL;
    }

    /** {@return how many of the refused transfers the peer has refused} */
    long refused() {
      // Version 1 has no word for a refusal: the peer closes. A local peer is not asked.
      return version1Here() || this == LOCAL ? 0 : 8;
    }

    Engine open() {
      if (this == IO_URING || this == ZERO_COPY || this == CHECKSUM_NO_POOL_IO_URING) {
        Needs.ofMachine(IoUring.isAvailable(), "the kernel does not allow io_uring");
      } else if (this == IPV6) {
        Needs.ipv6Loopback();
      }
      return Engine.open(config.apply(EngineConfig.builder(host()).protocol("tcp")).build());
    }
  }

  /** Blocks in opposite order on the two sides. */
  private static long[][] columns(long local, long remote) {
    int count = SIZES.length;
    long[][] columns = new long[3][count];
    long at = local + 1;
    for (int i = 0; i < count; i++) {
      columns[0][i] = at;
      columns[2][i] = SIZES[i];
      at += SIZES[i] + GAP;
    }
    at = remote + 3;
    for (int i = count - 1; i >= 0; i--) {
      columns[1][i] = at;
      at += SIZES[i] + GAP;
    }
    return columns;
  }

  @ParameterizedTest
  @EnumSource
  void bothDirectionsFromBothSides(Variant variant) throws InterruptedException {
    try (Engine engine = variant.open();
        PeerProcess peer = PeerProcess.start(variant.peerEnvironment);
        Mapped mine = Mapped.of(LENGTH)) {
      peer.initialize(variant.host());
      long remote = peer.map(LENGTH);
      assertThat(peer.call("registerMemory", remote, LENGTH)).isZero();
      try (Registration _ = engine.register(mine.segment())) {
        long[][] columns = columns(mine.address(), remote);
        BlockColumns blocks = BlockColumns.of(columns[0], columns[1], columns[2]);
        weBegin(engine, peer, mine, remote, columns, blocks);
        thePeerBegins(engine, peer, mine, remote, columns);
        refusals(engine, peer, mine, remote, variant);
        weBegin(engine, peer, mine, remote, columns, blocks);
        assertThat(engine.metrics().get(Counter.LOCAL_PEERS))
            .isEqualTo(variant == Variant.LOCAL ? 1 : 0);
      }
    }
  }

  private static void weBegin(
      Engine engine,
      PeerProcess peer,
      Mapped mine,
      long remote,
      long[][] columns,
      BlockColumns blocks)
      throws InterruptedException {
    mine.fill(1);
    peer.zero(remote, LENGTH);
    completed(engine, TransferRequest.of(Operation.WRITE, peer.name(), blocks));
    assertPeerHas(peer, remote, columns, mine.address(), 1);
    peer.fill(remote, LENGTH, 2);
    mine.segment().fill((byte) 0);
    completed(engine, TransferRequest.of(Operation.READ, peer.name(), blocks));
    assertWeHave(mine.segment(), columns, remote, 2);
  }

  private static void thePeerBegins(
      Engine engine, PeerProcess peer, Mapped mine, long remote, long[][] columns) {
    String us = engine.segmentName();
    peer.fill(remote, LENGTH, 3);
    mine.segment().fill((byte) 0);
    assertThat(peer.call("batchTransferSyncWrite", us, columns[1], columns[0], columns[2]))
        .as("%s", peer.log())
        .isZero();
    assertWeHave(mine.segment(), columns, remote, 3);
    mine.fill(4);
    peer.zero(remote, LENGTH);
    assertThat(peer.call("batchTransferSyncRead", us, columns[1], columns[0], columns[2]))
        .as("%s", peer.log())
        .isZero();
    assertPeerHas(peer, remote, columns, mine.address(), 4);
  }

  private static void completed(Engine engine, TransferRequest request)
      throws InterruptedException {
    Transfer transfer = engine.submit(request);
    assertThat(transfer.await(LONG))
        .as("%s", transfer.failure())
        .isEqualTo(TransferState.COMPLETED);
    assertThat(transfer.transferredBytes()).isEqualTo(request.blocks().totalBytes());
  }

  private static void assertPeerHas(
      PeerProcess peer, long remote, long[][] columns, long local, long seed) {
    for (int i = 0; i < SIZES.length; i++) {
      long at = columns[1][i];
      assertThat(peer.mismatch(at, columns[2][i], seed, columns[0][i] - local))
          .as("block of %d bytes", columns[2][i])
          .isEqualTo(-1);
      assertThat(peer.ask("byte", at - 1, 1L)).as("before %d bytes", SIZES[i]).isEqualTo("0");
      assertThat(peer.ask("byte", at + SIZES[i], 1L)).as("after %d", SIZES[i]).isEqualTo("0");
    }
    assertThat(remote).isLessThan(columns[1][0]);
  }

  private static void assertWeHave(MemorySegment mine, long[][] columns, long remote, long seed) {
    for (int i = 0; i < SIZES.length; i++) {
      long at = columns[0][i] - mine.address();
      assertThat(Pattern.firstMismatch(mine.asSlice(at, SIZES[i]), seed, columns[1][i] - remote))
          .as("block of %d bytes", SIZES[i])
          .isEqualTo(-1);
      assertThat(mine.get(java.lang.foreign.ValueLayout.JAVA_BYTE, at - 1)).isZero();
      assertThat(mine.get(java.lang.foreign.ValueLayout.JAVA_BYTE, at + SIZES[i])).isZero();
    }
  }

  /** A write that is refused must never look like one that arrived, v1's silence or not. */
  private static void refusals(
      Engine engine, PeerProcess peer, Mapped mine, long remote, Variant variant)
      throws InterruptedException {
    for (int size : new int[] {1, 5000, 100_000, 3 << 20}) {
      for (Operation operation : Operation.values()) {
        Transfer refused =
            engine.submit(
                TransferRequest.of(
                    operation,
                    peer.name(),
                    BlockColumns.of(mine.address(), remote + LENGTH - size + 1, size)));
        assertThat(refused.await(LONG)).isEqualTo(TransferState.FAILED);
        assertThat(refused.transferredBytes()).isLessThan(size);
      }
      String us = engine.segmentName();
      long bad = mine.address() + LENGTH - size + 1;
      assertThat(peer.call("transferSyncWrite", us, remote, bad, size)).isEqualTo(-1);
      assertThat(peer.call("transferSyncRead", us, remote, bad, size)).isEqualTo(-1);
    }
    long failures = engine.metrics().failures().values().stream().mapToLong(Long::longValue).sum();
    assertThat(failures).isEqualTo(8);
    assertThat(engine.metrics().get(FailureCause.REMOTE_REFUSED)).isEqualTo(variant.refused());
  }
}
