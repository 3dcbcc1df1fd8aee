// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.config.Options;
import io.transferengine.config.Settings;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.Audit;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.Mapped;
import io.transferengine.testkit.TestAuthority;
import io.transferengine.testkit.TestAuthority.Identity;
import io.transferengine.tls.PeerTls;
import io.transferengine.tls.PemFiles;
import io.transferengine.tls.VerifiedPeer;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TcpIo;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerEnd;
import io.transferengine.transport.SeamFinder;
import io.transferengine.transport.TransferTask;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import javax.net.ssl.SSLSocket;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A data connection ends in order when a certificate ends that it was made with. */
@Timeout(120)
class CertificateEndTest {
  private static final int BYTES = 1 << 20;
  private static final long SEED = 7;
  private static final int LANES = 1;
  private static final int READ = Frames.OPCODE_READ | Frames.VERSION_2_BIT;
  private static final int WRITE = Frames.OPCODE_WRITE | Frames.VERSION_2_BIT;

  @TempDir private static Path made;
  private static Identity longer;
  private static Identity shorter;
  private static Identity renewed;

  @TempDir private Path folder;
  private Instant now = Instant.now();
  private LogCapture log;

  @BeforeAll
  static void certificates() {
    TestAuthority authority = new TestAuthority(made, "authority");
    longer = authority.issue("longer", "-ext", TestAuthority.LOOPBACK, "-validity", "400");
    shorter = authority.issue("shorter", "-ext", TestAuthority.LOOPBACK, "-validity", "100");
    renewed = authority.issue("renewed", "-ext", TestAuthority.LOOPBACK, "-validity", "300");
  }

  @BeforeEach
  void listen() {
    log = new LogCapture();
  }

  @AfterEach
  void stopListening() {
    log.close();
  }

  /** The clock of both sides, which no handshake of the JDK asks. */
  private synchronized Instant now() {
    return now;
  }

  /** Sets the clock to some time before the shorter certificate's end, or behind it. */
  private synchronized void itIs(Duration beforeTheEnd) {
    now =
        PemFiles.certificates("test", shorter.certificate().toString())
            .getFirst()
            .getNotAfter()
            .toInstant()
            .minus(beforeTheEnd);
  }

  private Identity used(String name, Identity identity) throws IOException {
    Identity used =
        new Identity(
            folder.resolve(name + ".pem"), folder.resolve(name + ".key"), identity.authority());
    put(used, identity);
    return used;
  }

  private static void put(Identity used, Identity identity) throws IOException {
    for (Path[] each :
        List.of(
            new Path[] {identity.certificate(), used.certificate()},
            new Path[] {identity.key(), used.key()})) {
      Files.copy(
          each[0],
          each[1],
          StandardCopyOption.REPLACE_EXISTING,
          StandardCopyOption.COPY_ATTRIBUTES);
    }
  }

  private PeerTls tls(Identity identity, String provider, Audit audit) {
    Map<String, String> options = new HashMap<>(identity.variables());
    options.put("TE_TLS_PROVIDER", provider);
    return PeerTls.of(Settings.fromMap(options), Optional.empty(), audit, this::now);
  }

  private ServedTarget target(Identity identity) {
    return new ServedTarget(
        TcpIo.NIO,
        BYTES,
        SEED,
        () -> "0123456789abcdef",
        Options.MAX_INBOUND_CONNECTIONS.defaultValue(),
        audit -> tls(identity, "jdk", audit));
  }

  private static SSLSocket peer(ServedTarget target, Identity identity) throws IOException {
    SSLSocket peer =
        (SSLSocket)
            identity
                .context()
                .getSocketFactory()
                .createSocket(InetAddress.getLoopbackAddress(), target.server.port());
    peer.setSoTimeout(20_000);
    return peer;
  }

  private static void ask(SSLSocket peer, byte[]... pieces) throws IOException {
    for (byte[] piece : pieces) {
      peer.getOutputStream().write(piece);
    }
    peer.getOutputStream().flush();
  }

  private static void isAnswered(SSLSocket peer, int bytes) throws IOException {
    assertThat(peer.getInputStream().readNBytes(Frames.STATUS_BYTES))
        .startsWith(0, 0, 0, 0)
        .hasSize(Frames.STATUS_BYTES);
    assertThat(peer.getInputStream().readNBytes(bytes)).hasSize(bytes);
  }

  private static byte at(ServedTarget target, int index) {
    return target.memory.segment().get(ValueLayout.JAVA_BYTE, index);
  }

  private static void eventually(BooleanSupplier what) {
    Awaitility.await().until(what::getAsBoolean);
  }

  // ---- the target

  @Test
  void anIdleConnectionOfAPeerEndsWithItsCertificate() throws IOException {
    try (ServedTarget target = target(longer);
        SSLSocket old = peer(target, shorter);
        SSLSocket fresh = peer(target, renewed)) {
      for (SSLSocket each : List.of(old, fresh)) {
        ask(each, target.header(8, 0, READ));
        isAnswered(each, 8);
      }
      itIs(Duration.ofSeconds(-1));
      assertThat(old.getInputStream().read()).as("the end of the stream").isEqualTo(-1);
      assertThat(target.metrics.snapshot().get(Counter.TLS_CONNECTIONS_EXPIRED)).isEqualTo(1);
      assertThat(log.warnings())
          .anyMatch(
              line ->
                  line.contains("Refused 127.0.0.1")
                      && line.contains("its certificate ended at")
                      && line.contains("[TLS_EXPIRED]"));
      ask(fresh, target.header(8, 0, READ));
      isAnswered(fresh, 8);
      try (SSLSocket again = peer(target, shorter)) {
        ask(again, target.header(8, 0, READ));
        assertThat(again.getInputStream().read()).isEqualTo(-1);
      }
      assertThat(target.metrics.snapshot().get(Counter.TLS_CONNECTIONS_REFUSED)).isEqualTo(1);
      assertThat(target.metrics.snapshot().get(Counter.TLS_CONNECTIONS_EXPIRED)).isEqualTo(1);
    }
  }

  @Test
  void aWriteThatHasBegunIsFinishedAndTheNextIsNot() throws IOException {
    byte[] body = new byte[64 << 10];
    Arrays.fill(body, (byte) 0x5a);
    try (ServedTarget target = target(longer);
        SSLSocket peer = peer(target, shorter)) {
      byte before = at(target, body.length);
      ask(peer, target.header(body.length, 0, WRITE), Arrays.copyOf(body, body.length / 2));
      // The second one has to wait until the first half is certain to have come.
      eventually(() -> at(target, body.length / 2 - 1) == 0x5a);
      itIs(Duration.ofSeconds(-1));
      eventually(() -> target.metrics.snapshot().get(Counter.TLS_CONNECTIONS_EXPIRED) == 1);
      ask(
          peer,
          Arrays.copyOf(body, body.length / 2),
          target.header(body.length, body.length, WRITE),
          body);
      isAnswered(peer, 0);
      assertThat(peer.getInputStream().read()).as("the end of the stream").isEqualTo(-1);
      assertThat(target.memory.segment().asSlice(0, body.length).toArray(ValueLayout.JAVA_BYTE))
          .isEqualTo(body);
      assertThat(at(target, body.length)).isEqualTo(before);
    }
  }

  // ---- the initiator

  private final class Initiator implements AutoCloseable {
    final EngineMetrics metrics = new EngineMetrics();
    final EventLoops loops = new EventLoops(IoBackend.NIO, 1, 65_536, 1 << 20, metrics);
    final Mapped memory = Mapped.of(BYTES);
    final PeerTls tls;
    final TcpPeer peer;
    private final ServedTarget target;

    Initiator(ServedTarget target, Identity identity, String provider) {
      this.target = target;
      tls = tls(identity, provider, new Audit(metrics));
      peer =
          new TcpPeer(
              "peer",
              new WireForm(true, false, false, OptionalLong.empty()),
              List.of(
                  new InetSocketAddress(InetAddress.getLoopbackAddress(), target.server.port())),
              TcpOptions.of(Settings.builder().set(Options.TCP_LANES_PER_PEER, LANES).build()),
              metrics,
              tls,
              loops,
              IoBackend.NIO);
    }

    CompletableFuture<String> transfer(Operation operation) {
      CompletableFuture<String> end = new CompletableFuture<>();
      SeamFinder all = new SeamFinder(new long[] {1}, new long[] {Long.MAX_VALUE});
      BlockColumns block = BlockColumns.of(memory.address(), target.memory.address(), BYTES);
      peer.submit(
          new TransferTask(
              operation,
              block,
              all,
              all,
              (state, why, _) ->
                  end.complete(state + (why == null ? "" : ": " + why.getMessage()))));
      return end;
    }

    String move(Operation operation) throws Exception {
      return transfer(operation).get(60, TimeUnit.SECONDS);
    }

    /** What the engine does every second. */
    void look() throws Exception {
      tls.refresh();
      for (Lane lane : peer.lanes()) {
        lane.loop()
            .submit(() -> lane.endIfStalled(System.nanoTime(), Long.MAX_VALUE))
            .get(20, TimeUnit.SECONDS);
      }
    }

    long opened() {
      return metrics.snapshot().get(Counter.CONNECTIONS_OPENED);
    }

    @Override
    public void close() {
      peer.close(PeerEnd.SHUTDOWN);
      loops.close(Duration.ofSeconds(5));
      memory.close();
    }
  }

  @Test
  void aLaneThatIsOverFinishesWhatIsOutAndTakesNothingElse() {
    Instant end = Instant.now().plusSeconds(60);
    try (FedLane lane = new FedLane(new WireForm(true, false, false, OptionalLong.empty()));
        Mapped memory = Mapped.of(4096)) {
      lane.connection.secured(new VerifiedPeer(List.of(), end, Instant.MAX));
      FedLane.Work out = read(lane, memory, 1);
      assertThat(lane.requests()).hasSize(Frames.HEADER_BYTES);
      lane.connection.endIfExpired(end);
      FedLane.Work more = read(lane, memory, 2);
      assertThat(lane.requests()).as("not over yet").hasSize(Frames.HEADER_BYTES);
      lane.connection.endIfExpired(end.plusMillis(1));
      FedLane.Work late = read(lane, memory, 3);
      assertThat(lane.requests()).isEmpty();

      lane.feed(new byte[] {0, 0, 0, 0, 'V', 'T', 'C', 'M', 1});
      assertThat(lane.channel.isOpen()).as("one is out").isTrue();
      assertThat(lane.requests()).isEmpty();
      lane.feed(new byte[] {0, 0, 0, 0, 'V', 'T', 'C', 'M', 2, 2});
      assertThat(lane.channel.isOpen()).isFalse();
      assertThat(out.ends).containsExactly(TransferState.COMPLETED);
      assertThat(more.ends).containsExactly(TransferState.COMPLETED);
      assertThat(late.ends).as("it waits for the next connection").isEmpty();
    }
  }

  private static FedLane.Work read(FedLane lane, Mapped memory, int bytes) {
    FedLane.Work work =
        new FedLane.Work(
            Operation.READ, BlockColumns.of(memory.address(), ScriptedTarget.BASE, bytes));
    lane.submit(work);
    return work;
  }

  @ParameterizedTest
  @ValueSource(strings = {"jdk", "boringssl"})
  void aLaneToAPeerWhoseCertificateEndedIsReplaced(String provider) throws Exception {
    Identity theirs = used("theirs", shorter);
    try (ServedTarget target = target(theirs);
        Initiator initiator = new Initiator(target, longer, provider)) {
      assertThat(initiator.move(Operation.WRITE)).isEqualTo("COMPLETED");
      long before = initiator.opened();
      initiator.look();
      assertThat(initiator.move(Operation.WRITE)).isEqualTo("COMPLETED");
      assertThat(initiator.opened()).as("nothing has ended yet").isEqualTo(before);

      itIs(Duration.ofSeconds(-1));
      initiator.look();
      assertThat(initiator.move(Operation.WRITE))
          .contains("FAILED", "no TLS connection", "has expired (NotAfter: ", "renew it there");
      assertThat(initiator.opened()).isEqualTo(before);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"jdk", "boringssl"})
  void ourOwnNewCertificateIsUsedBeforeTheOldOneEnds(String provider) throws Exception {
    Identity ours = used("ours", shorter);
    try (ServedTarget target = target(longer);
        SSLSocket sentinel = peer(target, shorter);
        Initiator initiator = new Initiator(target, ours, provider)) {
      ask(sentinel, target.header(8, 0, READ));
      isAnswered(sentinel, 8);
      CompletableFuture<String> first = initiator.transfer(Operation.WRITE);
      eventually(() -> initiator.opened() == 1);
      put(ours, renewed);
      itIs(LaneTerm.OWN_MARGIN.dividedBy(2));
      // What is out meanwhile is finished; what comes goes over the new connections.
      initiator.look();
      CompletableFuture<String> second = initiator.transfer(Operation.WRITE);
      initiator.look();
      assertThat(first.get(60, TimeUnit.SECONDS)).isEqualTo("COMPLETED");
      assertThat(second.get(60, TimeUnit.SECONDS)).isEqualTo("COMPLETED");
      eventually(() -> isReplaced(initiator));

      itIs(Duration.ofSeconds(-1));
      assertThat(sentinel.getInputStream().read()).as("the target has looked").isEqualTo(-1);
      for (Operation operation : Operation.values()) {
        assertThat(initiator.move(operation)).isEqualTo("COMPLETED");
      }
      assertThat(target.metrics.snapshot().get(Counter.TLS_CONNECTIONS_EXPIRED))
          .as("the sentinel's alone")
          .isEqualTo(1);
      assertThat(initiator.metrics.snapshot().get(Counter.CONNECTIONS_LOST)).isZero();
    }
  }

  private static boolean isReplaced(Initiator initiator) {
    return isMoved(initiator) && initiator.opened() == 2;
  }

  private static boolean isMoved(Initiator initiator) {
    try {
      initiator.look();
      return initiator.move(Operation.READ).equals("COMPLETED");
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"jdk", "boringssl"})
  void anOwnCertificateThatHasEndedIsNamed(String provider) throws Exception {
    Identity ours = used("ours", shorter);
    try (ServedTarget target = target(longer);
        Initiator initiator = new Initiator(target, ours, provider)) {
      assertThat(initiator.move(Operation.WRITE)).isEqualTo("COMPLETED");
      itIs(Duration.ofSeconds(-1));
      initiator.look();
      assertThat(initiator.move(Operation.READ))
          .contains("FAILED", "our certificate that ended at ", "TE_TLS_CERT");
      put(ours, renewed);
      initiator.look();
      // A connection with the old one may have begun before that, and be refused only now.
      eventually(() -> isMoved(initiator));
    }
  }
}
