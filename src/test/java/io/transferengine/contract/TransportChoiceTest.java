// SPDX-License-Identifier: Apache-2.0
package io.transferengine.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.engine.EngineCore;
import io.transferengine.engine.LocalTopology;
import io.transferengine.engine.TransferHandle;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.Gauge;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.Mapped;
import io.transferengine.topology.Topology;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.TransportContext;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Which of several transports an engine takes, and that a lesser one is never taken in silence. All
 * of them are the reference transport, under the names that the options know.
 */
@Timeout(60)
class TransportChoiceTest {
  private static final String ABSENT = "its library is not installed";
  private static final String NO_DEVICES = "this machine has no network devices";

  private final List<AutoCloseable> open = new ArrayList<>();
  private final LogCapture log = new LogCapture();
  private final List<String> created = new ArrayList<>();
  private final Fake near = new Fake("near", 500);
  private final Fake rdma = new Fake("rdma", 100);
  private final Fake tcp = new Fake("tcp", 10);

  @AfterEach
  void closeAll() throws Exception {
    for (AutoCloseable each : open.reversed()) {
      each.close();
    }
    log.close();
  }

  /** A transport that may be absent, or fail to start. */
  private final class Fake extends ReferenceProvider {
    private final ReferenceTransport.Network network;
    private String absent = "";
    private String failure = "";
    private boolean movesDeviceMemory;

    Fake(String name, int priority) {
      this(name, priority, new ReferenceTransport.Network());
    }

    private Fake(String name, int priority, ReferenceTransport.Network network) {
      super(name, priority, network);
      this.network = network;
    }

    @Override
    public Optional<String> unavailabilityCause(TransportContext context) {
      return Optional.of(absent)
          .filter(cause -> !cause.isEmpty())
          .or(() -> name().equals("rdma") ? context.deviceProblem() : Optional.empty());
    }

    @Override
    boolean moves(boolean byItself) {
      return movesDeviceMemory || byItself;
    }

    @Override
    boolean describesMemory() {
      return movesDeviceMemory;
    }

    @Override
    void made(ReferenceTransport transport) {
      created.add(name());
    }

    @Override
    void starting() {
      if (!failure.isEmpty()) {
        throw new TransferException(ErrorCode.CONTEXT, failure, "");
      }
    }
  }

  private EngineCore engine(String protocol, Map<String, String> variables, Fake... fakes) {
    return engine(protocol, variables, Optional.empty(), fakes);
  }

  private EngineCore engine(
      String protocol, Map<String, String> variables, Optional<String> problem, Fake... fakes) {
    EngineCore core =
        LoopbackEngine.open(
            protocol,
            variables,
            List.of(fakes),
            new LocalTopology(List.of(), Topology.none(), problem));
    open.add(core);
    return core;
  }

  /** One byte, from one to the other. */
  private TransferHandle write(EngineCore from, EngineCore to) throws Exception {
    return write(from, to, "*");
  }

  /** Out of memory that is said to be at a location. */
  private TransferHandle write(EngineCore from, EngineCore to, String location) throws Exception {
    return write(from, to, location, "*");
  }

  private TransferHandle write(EngineCore from, EngineCore to, String location, String target)
      throws Exception {
    Mapped here = Mapped.of(64).fill(1);
    Mapped there = Mapped.of(64);
    var _ = from.memory().register(here.address(), 64, location);
    var _ = to.memory().register(there.address(), 64, target);
    if (!target.equals("*")) {
      // What was known of the peer does not say where this is.
      var _ = from.describe(to.segmentName());
    }
    TransferHandle transfer =
        from.submit(
            TransferRequest.of(
                Operation.WRITE,
                to.segmentName(),
                BlockColumns.of(here.address(), there.address(), 64)));
    assertThat(transfer.await(Duration.ofSeconds(30)).isTerminal()).isTrue();
    if (transfer.state() == TransferState.COMPLETED) {
      assertThat(there.segment().mismatch(here.segment())).isEqualTo(-1);
    }
    from.memory().unregister(here.address());
    to.memory().unregister(there.address());
    here.close();
    there.close();
    return transfer;
  }

  private static long lesser(EngineCore engine) {
    return engine.metrics().get(Counter.TCP_CHOSEN_OVER_RDMA);
  }

  private void assertRefused(ErrorCode code, Runnable opening, String... texts) {
    assertThatThrownBy(opening::run)
        .isInstanceOfSatisfying(TransferException.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessageContainingAll(texts);
  }

  private static final Map<String, String> REQUIRED = Map.of("TE_REQUIRE_RDMA", "1");

  @Test
  void theBestOfBothSidesIsTakenInSilence() throws Exception {
    for (String protocol : List.of("", "rdma")) {
      EngineCore one = engine(protocol, Map.of(), tcp, rdma);
      EngineCore other = engine(protocol, REQUIRED, rdma, tcp);
      tcp.network.stallAfter(0);
      assertThat(write(one, other).state()).isEqualTo(TransferState.COMPLETED);
      assertThat(write(other, one).state()).isEqualTo(TransferState.COMPLETED);
      assertThat(log.warnings()).isEmpty();
      assertThat(lesser(one)).isZero();
    }
  }

  @Test
  void anAbsentOneIsReplacedWithAWarning() throws Exception {
    rdma.absent = ABSENT;
    EngineCore one = engine("rdma", Map.of(), rdma, tcp);
    assertThat(log.warnings())
        .containsExactly(
            "Using TCP, although protocol 'rdma' prefers RDMA: "
                + ABSENT
                + ". Ask for protocol 'tcp' if that is intended; requireRdma refuses it"
                + " instead.");
    assertThat(lesser(one)).isOne();
    assertThat(write(one, engine("tcp", Map.of(), tcp)).state()).isEqualTo(TransferState.COMPLETED);
    assertThat(log.warnings()).hasSize(1);
    assertThat(created).doesNotContain("rdma");
  }

  /** One for peers on the same machine takes the place of none. */
  @Test
  void anAbsentOneIsMissedBesideOneThatNobodyMisses() {
    rdma.absent = ABSENT;
    Fake local = new Fake("local", 200);
    EngineCore one = engine("rdma", Map.of("TE_LOCAL", "auto"), local, rdma, tcp);
    assertThat(created).contains("local");
    assertThat(log.warnings())
        .singleElement()
        .asString()
        .contains("Using TCP, although protocol 'rdma' prefers RDMA: " + ABSENT);
    assertThat(lesser(one)).isOne();
  }

  @Test
  void anAbsentOneThatIsRequiredIsRefused() {
    rdma.absent = ABSENT;
    assertRefused(
        ErrorCode.DEVICE_NOT_FOUND,
        () -> engine("", REQUIRED, rdma, tcp),
        "RDMA is required (TE_REQUIRE_RDMA) and cannot be used: " + ABSENT,
        "Drop the requirement, or ask for 'tcp'");
  }

  @Test
  void oneThatDoesNotStartIsReplacedWithAWarning() throws Exception {
    rdma.failure = "its device is on fire";
    EngineCore one = engine("", Map.of(), rdma, tcp);
    assertThat(log.warnings())
        .singleElement()
        .asString()
        .contains("Using TCP, although protocol '' prefers RDMA: its device is on fire");
    assertThat(lesser(one)).isOne();
    assertThat(write(one, engine("tcp", Map.of(), tcp)).state()).isEqualTo(TransferState.COMPLETED);
    assertRefused(
        ErrorCode.DEVICE_NOT_FOUND,
        () -> engine("", REQUIRED, rdma, tcp),
        "RDMA is required (TE_REQUIRE_RDMA) and cannot be used: its device is on fire");
  }

  @Test
  void theLastOneThatDoesNotStartFailsTheEngine() {
    tcp.failure = "no port is free";
    assertRefused(ErrorCode.CONTEXT, () -> engine("", Map.of(), rdma, tcp), "no port is free");
    assertRefused(ErrorCode.CONTEXT, () -> engine("tcp", Map.of(), rdma, tcp), "no port is free");
  }

  @Test
  void withoutAnyAnEngineIsNotOpened() {
    rdma.absent = ABSENT;
    tcp.absent = "Netty is missing";
    assertRefused(
        ErrorCode.NOT_IMPLEMENTED,
        () -> engine("", Map.of(), rdma, tcp),
        "RDMA cannot be used: " + ABSENT + "; nor can TCP: Netty is missing");
    assertRefused(
        ErrorCode.NOT_IMPLEMENTED,
        () -> engine("tcp", Map.of(), rdma, tcp),
        "TCP cannot be used: Netty is missing");
    rdma.absent = "";
    rdma.failure = "its device is on fire";
    assertRefused(
        ErrorCode.NOT_IMPLEMENTED,
        () -> engine("", Map.of(), rdma, tcp),
        "RDMA cannot be used: its device is on fire",
        "nor can TCP: Netty is missing");
    assertRefused(
        ErrorCode.NOT_IMPLEMENTED, () -> engine("", Map.of()), "No transport is built in");
  }

  @Test
  void whatIsNotWantedIsNotMade() throws Exception {
    EngineCore one = engine("tcp", Map.of(), rdma, tcp);
    EngineCore other = engine("rdma", Map.of("MC_FORCE_TCP", "1"), rdma, tcp);
    assertThat(write(one, other).state()).isEqualTo(TransferState.COMPLETED);
    assertThat(created).containsExactly("tcp", "tcp");
    assertThat(log.warnings()).isEmpty();
    assertThat(lesser(other)).isZero();
    assertRefused(
        ErrorCode.INVALID_ARGUMENT,
        () -> engine("tcp", REQUIRED, rdma, tcp),
        "RDMA is required (TE_REQUIRE_RDMA) and TCP was asked for");
  }

  @Test
  void aPeerThatHasOnlyTheLesserOneIsNamedOnce() throws Exception {
    EngineCore one = engine("", Map.of(), rdma, tcp);
    EngineCore plain = engine("tcp", Map.of(), rdma, tcp);
    for (int i = 0; i < 2; i++) {
      assertThat(write(one, plain).state()).isEqualTo(TransferState.COMPLETED);
      var _ = one.describe(plain.segmentName());
    }
    assertThat(log.warnings())
        .singleElement()
        .asString()
        .contains(
            plain.segmentName(),
            "it has no RDMA and is reached over TCP",
            "requireRdma refuses it instead");
    assertThat(lesser(one)).isOne();

    EngineCore strict = engine("", REQUIRED, rdma, tcp);
    TransferHandle refused = write(strict, plain);
    assertThat(refused.state()).isEqualTo(TransferState.FAILED);
    assertThat(refused.failure().orElseThrow())
        .hasMessageContainingAll(
            plain.segmentName(),
            "it has no RDMA and is reached over TCP, while RDMA is required (TE_REQUIRE_RDMA)",
            "Start that peer with RDMA if it should have it",
            "or drop the requirement");
  }

  @Test
  void aPeerThatNoTransportReachesIsRefused() throws Exception {
    EngineCore one = engine("", Map.of(), rdma);
    TransferHandle refused = write(one, engine("", Map.of(), tcp));
    assertThat(refused.failure().orElseThrow().code()).isEqualTo(ErrorCode.METADATA);
    assertThat(refused.failure().orElseThrow()).hasMessageContaining("none of our transports");
  }

  @Test
  void aProtocolThatNobodyMakesIsRefused() {
    assertRefused(
        ErrorCode.INVALID_ARGUMENT,
        () -> engine("quic", Map.of(), rdma, tcp),
        "'quic' is not a protocol of this engine",
        "Accepted are 'tcp', 'rdma' and '' (the best available)");
  }

  @Test
  void oneThatIsBetterThanTheBestKnownIsNoReplacementForIt() throws Exception {
    EngineCore one = engine("", Map.of(), tcp, rdma, near);
    EngineCore other = engine("near", Map.of(), near, rdma, tcp);
    tcp.network.stallAfter(0);
    rdma.network.stallAfter(0);
    assertThat(write(one, other).state()).isEqualTo(TransferState.COMPLETED);
    assertThat(log.warnings()).isEmpty();
    assertThat(lesser(one)).isZero();
    EngineCore without = engine("rdma", Map.of(), near, rdma, tcp);
    assertThat(created)
        .containsExactly("near", "rdma", "tcp", "near", "rdma", "tcp", "rdma", "tcp");
    rdma.network.resume();
    assertThat(write(without, other).state()).isEqualTo(TransferState.COMPLETED);
    assertThat(log.warnings()).isEmpty();
  }

  /** Chosen for each transfer: the best for a peer may not be the best for every kind of memory. */
  @Test
  void memoryThatTheBestCannotMoveGoesOverTheNext() throws Exception {
    rdma.movesDeviceMemory = true;
    EngineCore one = engine("", Map.of(), near, rdma, tcp);
    EngineCore other = engine("", Map.of(), near, rdma, tcp);
    tcp.network.stallAfter(0);
    near.network.stallAfter(0);
    assertThat(write(one, other, "cuda:0").state()).isEqualTo(TransferState.COMPLETED);
    near.network.resume();
    rdma.network.stallAfter(0);
    assertThat(write(one, other, "*").state()).isEqualTo(TransferState.COMPLETED);
    rdma.network.resume();
    assertThat(log.warnings()).isEmpty();

    EngineCore plain = engine("tcp", Map.of(), near, rdma, tcp);
    tcp.network.resume();
    TransferHandle refused = write(one, plain, "cuda:0");
    assertThat(refused.state()).isEqualTo(TransferState.FAILED);
    assertThat(refused.failure().orElseThrow())
        .hasMessageContaining("reached over TCP, which cannot move the device memory");
    assertThatThrownBy(() -> write(plain, one, "cuda:0"))
        .hasMessageContaining("'cuda:0' cannot be moved over TCP, which reads and writes memory");
  }

  /** The peer says in its descriptor where its memory is. */
  @Test
  void memoryOfThePeerThatTheBestCannotMoveGoesOverTheNext() throws Exception {
    rdma.movesDeviceMemory = true;
    EngineCore one = engine("", Map.of(), near, rdma, tcp);
    EngineCore other = engine("", Map.of(), near, rdma, tcp);
    tcp.network.stallAfter(0);
    near.network.stallAfter(0);
    for (String local : List.of("*", "cpu:0", "cuda:0")) {
      assertThat(write(one, other, local, "cuda:1").state()).isEqualTo(TransferState.COMPLETED);
    }
    near.network.resume();
    rdma.network.stallAfter(0);
    assertThat(write(one, other, "*", "cpu:0").state()).isEqualTo(TransferState.COMPLETED);
    assertThat(log.warnings()).isEmpty();

    EngineCore plain = engine("tcp", Map.of(), near, rdma, tcp);
    tcp.network.resume();
    TransferHandle refused = write(plain, other, "*", "cuda:1");
    assertThat(refused.state()).isEqualTo(TransferState.FAILED);
    assertThat(refused.failure().orElseThrow())
        .hasMessageContainingAll(
            other.segmentName(),
            "reached over TCP, which cannot move the device memory",
            "host memory here and device memory (cuda:1) there",
            "Copy the data to host memory");
    assertThat(write(plain, other, "*", "cpu:0").state()).isEqualTo(TransferState.COMPLETED);
  }

  /** What was known of the peer is old: by now it has host memory at that address. */
  @Test
  void thePeersMemoryIsLookedUpOnceMoreBeforeATransferFailsForIt() throws Exception {
    rdma.movesDeviceMemory = true;
    EngineCore plain = engine("tcp", Map.of(), rdma, tcp);
    EngineCore other = engine("", Map.of(), rdma, tcp);
    try (Mapped here = Mapped.of(64).fill(1);
        Mapped there = Mapped.of(64)) {
      var _ = plain.memory().register(here.address(), 64, "*");
      var _ = other.memory().register(there.address(), 64, "cuda:1");
      assertThat(other.metrics().get(Gauge.REGISTERED_BYTES_DEVICE)).isEqualTo(64);
      var _ = plain.describe(other.segmentName());
      other.memory().unregister(there.address());
      var _ = other.memory().register(there.address(), 64, "cpu:0");
      TransferHandle transfer =
          plain.submit(
              TransferRequest.of(
                  Operation.WRITE,
                  other.segmentName(),
                  BlockColumns.of(here.address(), there.address(), 64)));
      assertThat(transfer.await(Duration.ofSeconds(30))).isEqualTo(TransferState.COMPLETED);
      assertThat(there.segment().mismatch(here.segment())).isEqualTo(-1);
      plain.memory().unregister(here.address());
      other.memory().unregister(there.address());
    }
  }

  @Test
  void oneWhoseDevicesCannotBeUsedIsAbsent() {
    EngineCore one = engine("", Map.of(), Optional.of(NO_DEVICES), rdma, tcp);
    assertThat(log.warnings()).singleElement().asString().contains("RDMA: " + NO_DEVICES);
    assertThat(lesser(one)).isOne();
  }
}
