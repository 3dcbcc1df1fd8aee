// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.isTold;
import static io.transferengine.TestEngine.serves;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.metrics.Counter;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.RawToken;
import io.transferengine.testkit.TestAuthority;
import io.transferengine.testkit.TokenFiles;
import io.transferengine.transfer.ChecksumMode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Who has no token, or a wrong one, is refused on both ports, and both sides say why. */
@Timeout(180)
class TokenRefusalTest {
  private static final int BYTES = 4096;
  private static final byte[] NONCE = "n".repeat(32).getBytes(StandardCharsets.US_ASCII);

  @TempDir private static Path folder;
  private static Path right;
  private static Path wrong;
  private static Path renamed;

  private LogCapture log;

  @BeforeAll
  static void files() {
    right = TokenFiles.write(folder.resolve("right"), "cluster " + TokenFiles.SECRET);
    wrong = TokenFiles.write(folder.resolve("wrong"), "cluster " + TokenFiles.OTHER_SECRET);
    renamed = TokenFiles.write(folder.resolve("renamed"), "guest " + TokenFiles.SECRET);
  }

  @BeforeEach
  void listen() {
    log = new LogCapture();
  }

  @AfterEach
  void stopListening() {
    log.close();
  }

  private static TestEngine with(Path file) {
    return new TestEngine(BYTES, builder -> TokenTransferTest.with(builder, file));
  }

  private static TestEngine plain() {
    return new TestEngine(BYTES);
  }

  private void said(String... parts) {
    TestEngine.isWarned(log, parts);
  }

  // ---- engines that differ

  @Test
  void anEngineWithoutATokenIsRefused() {
    try (TestEngine target = with(right);
        TestEngine initiator = plain();
        TestEngine other = with(right)) {
      isTold(initiator, target, "it wants a token", "TE_TOKEN_FILE is not set here", "Set it");
      said("it wants a token, and TE_TOKEN_FILE is not set here");
      said("Refused 127.0.0.1", "RPC port", "it proves no token", "TE_TLS_PLAIN_PEERS");
      assertThat(target.count(Counter.TOKEN_CONNECTIONS_REFUSED)).isEqualTo(1);
      serves(target, other);
    }
  }

  @Test
  void anEngineWithATokenRefusesOneWithout() {
    try (TestEngine target = plain();
        TestEngine initiator = with(right);
        TestEngine other = plain()) {
      isTold(initiator, target, "as engines without TE_TOKEN_FILE do", "TE_TLS_PLAIN_PEERS");
      said("it wants to prove a token", "set TE_TOKEN_FILE on both sides");
      said("Refused " + target.engine.segmentName(), "as engines without TE_TOKEN_FILE do");
      assertThat(initiator.count(Counter.TOKEN_PEERS_REFUSED)).isEqualTo(1);
      serves(target, other);
    }
  }

  @Test
  void anotherSecretIsRefusedAndBothSidesSaySo() {
    try (TestEngine target = with(right);
        TestEngine initiator = with(wrong);
        TestEngine other = with(right)) {
      isTold(initiator, target, "it does not accept our token cluster", "TE_TOKEN_FILE");
      said("Refused 127.0.0.1", "RPC port", "does not know the secret of the token cluster");
      said("Refused " + target.engine.segmentName(), "does not accept our token cluster");
      assertThat(target.count(Counter.TOKEN_CONNECTIONS_REFUSED)).isEqualTo(1);
      assertThat(initiator.count(Counter.TOKEN_PEERS_REFUSED)).isEqualTo(1);
      serves(target, other);
    }
  }

  @Test
  void anotherNameIsRefusedAndNamed() {
    try (TestEngine target = with(right);
        TestEngine initiator = with(renamed)) {
      isTold(initiator, target, "it does not accept our token guest");
      said("Refused 127.0.0.1", "its token, \"guest\", is not in TE_TOKEN_FILE here");
    }
  }

  @Test
  void peersThatAreListedNeedNoToken() {
    try (TestEngine guarded =
            new TestEngine(
                BYTES,
                builder ->
                    TokenTransferTest.with(builder, right).tlsPlainPeers("::1, 127.0.0.0/8"));
        TestEngine plain = plain()) {
      said("127.0.0.0/8 is in TE_TLS_PLAIN_PEERS", "neither TLS nor a token");
      serves(guarded, plain);
      serves(plain, guarded);
    }
  }

  @Test
  void aTokenWithoutTheTlsThatIsWantedIsRefused() {
    TestAuthority.Identity identity = new TestAuthority(folder, "authority").loopback("here");
    try (TestEngine target =
            new TestEngine(
                BYTES,
                builder -> TokenTransferTest.with(TlsTransferTest.with(builder, identity), right));
        TestEngine initiator = with(right)) {
      isTold(initiator, target, "wants TLS");
      isTold(target, initiator, "it speaks without TLS, and TE_TLS is required here");
      said("Refused 127.0.0.1", "RPC port", "it speaks TLS, and TE_TLS is off here");
    }
  }

  /** With a metadata service nobody may have asked at the RPC port before. */
  @ParameterizedTest
  @EnumSource(ChecksumMode.class)
  void dataPortsDifferToo(ChecksumMode checksum) {
    String server = "memory://tokens-" + checksum;
    UnaryOperator<EngineConfig.Builder> plain = builder -> builder.checksum(checksum);
    UnaryOperator<EngineConfig.Builder> guarded =
        builder -> TokenTransferTest.with(plain.apply(builder), right);
    try (TestEngine one = named("plain", server, plain);
        TestEngine two = named("guarded", server, guarded);
        TestEngine other = named("other", server, guarded)) {
      isToldByItsTransfer(one, two, "it wants a token, and TE_TOKEN_FILE is not set here");
      said("Refused ", "data port", "it proves no token");
      isToldByItsTransfer(two, one, "as engines without TE_TOKEN_FILE do");
      said("it wants to prove a token", "set TE_TOKEN_FILE on both sides");
      serves(two, other);
    }
  }

  private static TestEngine named(
      String name, String server, UnaryOperator<EngineConfig.Builder> options) {
    return new TestEngine(BYTES, _ -> options.apply(EngineConfigs.named(name, server)));
  }

  private static void isToldByItsTransfer(TestEngine one, TestEngine two, String why) {
    Transfer transfer = one.submit(Operation.WRITE, two.engine.segmentName(), two.address(), BYTES);
    TestEngine.assertFailed(transfer);
    assertThat(transfer.failure().orElseThrow()).hasMessageContaining(why);
  }

  // ---- anybody, by hand

  private static int port(TestEngine engine, boolean data) {
    String name = engine.engine.segmentName();
    int rpc = Integer.parseInt(name.substring(name.lastIndexOf(':') + 1));
    if (!data) {
      return rpc;
    }
    try (TestEngine asking = with(right)) {
      return asking.engine.core().describe(name).tcpDataPort();
    }
  }

  private static Socket connected(int port) throws IOException {
    return new Socket(InetAddress.getLoopbackAddress(), port);
  }

  private static byte[] readAll(Socket socket) {
    try {
      return socket.getInputStream().readAllBytes();
    } catch (IOException reset) {
      return new byte[0];
    }
  }

  private static String words(boolean data) {
    return data ? "data port" : "RPC port";
  }

  /** The protocol page and our classes agree; and what is behind the exchange is served. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theRightTokenIsServed(boolean data) throws IOException {
    RawToken raw = new RawToken(data);
    try (TestEngine target = with(right);
        Socket socket = connected(port(target, data))) {
      assertThat(raw.exchange(socket, "cluster", TokenFiles.SECRET)).isTrue();
      String request =
          data
              ? "0010000000000000"
                  + HexFormat.of().toHexDigits(Long.reverseBytes(target.address()))
                  + "8000000000000000"
              : "0400000000000000" + "03" + "7b7d0a";
      socket.getOutputStream().write(HexFormat.of().parseHex(request));
      byte[] answer = new byte[8];
      assertThat(socket.getInputStream().readNBytes(answer, 0, 8)).isEqualTo(8);
      assertThat(HexFormat.of().formatHex(answer))
          .isEqualTo(data ? "000000005654434d" : "1600000000000000");
    }
  }

  /** Every byte of a proof, and of the hello in front of it. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void everyFlippedByteIsRefused(boolean data) throws IOException {
    RawToken raw = new RawToken(data);
    try (TestEngine target = with(right);
        TestEngine other = with(right)) {
      int port = port(target, data);
      int hello = raw.hello().length;
      int proof = raw.proof("cluster", TokenFiles.SECRET, NONCE, NONCE).length;
      for (int at = 0; at < hello + proof; at++) {
        long before = target.count(Counter.TOKEN_CONNECTIONS_REFUSED);
        try (Socket socket = connected(port)) {
          byte[] answer = flipped(raw, socket, at);
          assertThat(answer).as("byte %d", at).hasSizeLessThan(raw.headBytes() + 32);
        }
        int byteAt = at;
        TestEngine.eventually(
            "byte " + byteAt + " is counted",
            () -> target.count(Counter.TOKEN_CONNECTIONS_REFUSED) == before + 1);
      }
      serves(target, other);
    }
  }

  private static byte[] flipped(RawToken raw, Socket socket, int at) throws IOException {
    byte[] hello = raw.hello();
    if (at < hello.length) {
      hello[at] ^= 0x40;
      socket.getOutputStream().write(hello);
      socket.shutdownOutput();
      return readAll(socket);
    }
    byte[] challenge = raw.challenge(socket);
    byte[] proof = raw.proof("cluster", TokenFiles.SECRET, challenge, NONCE);
    proof[at - hello.length] ^= 0x40;
    socket.getOutputStream().write(proof);
    socket.shutdownOutput();
    return readAll(socket);
  }

  /** Something that is no proof, made for a challenge, and what the audit says of it. */
  record Wrong(String name, Visit visit, String said) {
    @Override
    public String toString() {
      return name;
    }
  }

  /** Comes to a port, and returns what it was told behind the challenge. */
  interface Visit {
    byte[] to(RawToken raw, Socket socket, int port) throws IOException;
  }

  private static byte[] sends(Socket socket, byte[]... parts) throws IOException {
    socket.getOutputStream().write(RawToken.join(parts));
    return readAll(socket);
  }

  private static byte[] proves(RawToken raw, Socket socket, String name, String secret)
      throws IOException {
    byte[] challenge = raw.challenge(socket);
    return sends(socket, raw.proof(name, secret, challenge, NONCE));
  }

  static Stream<Wrong> visitors() {
    return Stream.of(
        new Wrong(
            "wrong secret",
            (raw, socket, _) -> proves(raw, socket, "cluster", TokenFiles.OTHER_SECRET),
            "does not know the secret of the token cluster"),
        new Wrong(
            "unknown name",
            (raw, socket, _) -> proves(raw, socket, "clus", TokenFiles.SECRET),
            "\"clus\", is not in TE_TOKEN_FILE"),
        new Wrong(
            "replayed",
            (raw, socket, port) -> {
              byte[] recorded;
              try (Socket first = connected(port)) {
                byte[] challenge = raw.challenge(first);
                recorded = raw.proof("cluster", TokenFiles.SECRET, challenge, NONCE);
                first.getOutputStream().write(recorded);
                assertThat(first.getInputStream().read()).isNotEqualTo(-1);
              }
              var _ = raw.challenge(socket);
              return sends(socket, recorded);
            },
            "does not know the secret"),
        new Wrong(
            "of the other port",
            (raw, socket, _) -> {
              byte[] challenge = raw.challenge(socket);
              byte[] other =
                  new RawToken(!raw.data()).proof("cluster", TokenFiles.SECRET, challenge, NONCE);
              byte[] bare = Arrays.copyOfRange(other, other.length - 128, other.length);
              byte[] own = raw.proof("cluster", TokenFiles.SECRET, challenge, NONCE);
              System.arraycopy(bare, 0, own, own.length - 128, 128);
              return sends(socket, own);
            },
            "does not know the secret"),
        new Wrong(
            "reflected: the MAC of a verdict as that of a proof",
            (raw, socket, _) -> {
              byte[] challenge = raw.challenge(socket);
              byte[] own = raw.proof("cluster", TokenFiles.SECRET, challenge, NONCE);
              byte[] mac = raw.verdict("cluster", TokenFiles.SECRET, challenge, NONCE);
              System.arraycopy(mac, 0, own, own.length - 32, 32);
              return sends(socket, own);
            },
            "does not know the secret"),
        new Wrong(
            "truncated",
            (raw, socket, _) -> {
              byte[] challenge = raw.challenge(socket);
              byte[] proof = raw.proof("cluster", TokenFiles.SECRET, challenge, NONCE);
              socket.getOutputStream().write(proof, 0, proof.length - 1);
              socket.shutdownOutput();
              return readAll(socket);
            },
            "it left in the middle of the exchange"),
        new Wrong(
            "gone behind the challenge",
            (raw, socket, _) -> {
              var _ = raw.challenge(socket);
              socket.shutdownOutput();
              return readAll(socket);
            },
            "it left in the middle of the exchange"),
        new Wrong(
            "slow",
            (raw, socket, _) -> {
              byte[] hello = raw.hello();
              socket.getOutputStream().write(hello, 0, hello.length - 1);
              return readAll(socket);
            },
            "it did not prove a token in time"),
        new Wrong(
            "slow behind the challenge",
            (raw, socket, _) -> {
              var _ = raw.challenge(socket);
              return readAll(socket);
            },
            "it did not prove a token in time"),
        new Wrong(
            "a request in place of the hello",
            (raw, socket, _) ->
                sends(
                    socket,
                    HexFormat.of()
                        .parseHex(
                            raw.data()
                                ? "0010000000000000" + "0000000000000000" + "8000000000000000"
                                : "0300000000000000" + "01" + "7b7d")),
            "it proves no token"),
        new Wrong(
            "a checked hello, or a long request",
            (raw, socket, _) ->
                sends(
                    socket,
                    HexFormat.of()
                        .parseHex(
                            raw.data()
                                ? "7f5f54454843434b" + "0000000000000000" + "e300000000000000"
                                : "0000100000000000" + "01" + "7b7b7b7b7b")),
            "it proves no token"));
  }

  static Stream<org.junit.jupiter.params.provider.Arguments> visits() {
    return visitors()
        .flatMap(
            wrong ->
                Stream.of(
                    org.junit.jupiter.params.provider.Arguments.of(wrong, false),
                    org.junit.jupiter.params.provider.Arguments.of(wrong, true)));
  }

  @ParameterizedTest(name = "{0}, data port {1}")
  @MethodSource("visits")
  void strangersLearnNothing(Wrong wrong, boolean data) throws IOException {
    RawToken raw = new RawToken(data);
    try (TestEngine target = with(right);
        TestEngine other = with(right)) {
      int port = port(target, data);
      try (Socket socket = connected(port)) {
        byte[] told = wrong.visit.to(raw, socket, port);
        assertThat(new String(told, StandardCharsets.ISO_8859_1)).doesNotContain("{");
        assertThat(told).hasSizeLessThanOrEqualTo(data ? 20 : 10);
      }
      said("Refused ", "127.0.0.1", words(data), wrong.said);
      assertThat(target.count(Counter.TOKEN_CONNECTIONS_REFUSED)).isEqualTo(1);
      serves(target, other);
    }
  }

  /** A proof, and a request right behind it, before the verdict. */
  @Test
  void moreThanAProofIsRefusedAtTheDataPort() throws IOException {
    RawToken raw = new RawToken(true);
    try (TestEngine target = with(right);
        Socket socket = connected(port(target, true))) {
      byte[] challenge = raw.challenge(socket);
      byte[] told =
          sends(socket, raw.proof("cluster", TokenFiles.SECRET, challenge, NONCE), new byte[24]);
      assertThat(told).hasSize(8);
      said("data port", "it sent more than its proof");
    }
  }

  /** A version 1 reader would take a status for what it reads. */
  @Test
  void aVersion1RequestIsReset() throws IOException {
    try (TestEngine target = with(right);
        Socket socket = connected(port(target, true))) {
      byte[] told = sends(socket, HexFormat.of().parseHex("08" + "00".repeat(23)));
      assertThat(told).isEmpty();
      said("data port", "it proves no token");
    }
  }

  /** A port probe has tried nothing. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whoLeavesWithoutAWordIsNotCounted(boolean data) throws IOException {
    try (TestEngine target = with(right);
        TestEngine other = with(right)) {
      try (Socket socket = connected(port(target, data))) {
        socket.shutdownOutput();
        assertThat(readAll(socket)).isEmpty();
      }
      serves(target, other);
      assertThat(target.count(Counter.TOKEN_CONNECTIONS_REFUSED)).isZero();
    }
  }

  // ---- somebody who answers in the place of a peer

  /** Takes one connection and plays the other side's part. */
  private static CompletableFuture<Void> impostor(ServerSocket listener, Impostor part) {
    return CompletableFuture.runAsync(
        () -> {
          try (Socket socket = listener.accept()) {
            part.play(socket);
          } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
          }
        });
  }

  interface Impostor {
    void play(Socket socket) throws IOException;
  }

  private void impostorIsRefused(Impostor part, String... parts) throws Exception {
    try (ServerSocket listener = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
        TestEngine engine =
            new TestEngine(
                BYTES,
                builder ->
                    TokenTransferTest.with(builder, right).handshakeConnectTimeoutSeconds(1))) {
      CompletableFuture<Void> played = impostor(listener, part);
      String name = "127.0.0.1:" + listener.getLocalPort();
      assertThatThrownBy(() -> engine.engine.openSegment(name))
          .isInstanceOf(TransferException.class)
          .hasMessageContaining(name)
          .hasMessageContainingAll(parts);
      played.join();
      assertThat(engine.count(Counter.TOKEN_PEERS_REFUSED)).isEqualTo(1);
      said("Refused " + name, parts[0]);
    }
  }

  private static byte[] proofOf(RawToken raw, Socket socket) throws IOException {
    InputStream in = socket.getInputStream();
    assertThat(in.readNBytes(raw.hello().length)).isEqualTo(raw.hello());
    socket.getOutputStream().write(raw.answer(0, NONCE));
    byte[] proof = in.readNBytes(138);
    return Arrays.copyOfRange(proof, 10, proof.length);
  }

  @Test
  void whoDoesNotKnowTheSecretIsToldNothing() throws Exception {
    RawToken raw = new RawToken(false);
    impostorIsRefused(
        socket -> {
          byte[] proof = proofOf(raw, socket);
          byte[] nonce = Arrays.copyOfRange(proof, 64, 96);
          byte[] mac = raw.verdict("cluster", TokenFiles.OTHER_SECRET, NONCE, nonce);
          socket.getOutputStream().write(raw.answer(0, mac));
          assertThat(readAll(socket)).isEmpty();
        },
        "it does not know the secret of our token cluster");
  }

  @Test
  void ourOwnProofIsNoVerdict() throws Exception {
    RawToken raw = new RawToken(false);
    impostorIsRefused(
        socket -> {
          byte[] proof = proofOf(raw, socket);
          socket.getOutputStream().write(raw.answer(0, Arrays.copyOfRange(proof, 96, 128)));
          assertThat(readAll(socket)).isEmpty();
        },
        "it does not know the secret of our token cluster");
  }

  @Test
  void everyFlippedByteOfAnAnswerIsRefused() throws Exception {
    RawToken raw = new RawToken(false);
    for (int at = 0; at < 42; at++) {
      int flip = at;
      impostorIsRefused(
          socket -> {
            byte[] proof = proofOf(raw, socket);
            byte[] nonce = Arrays.copyOfRange(proof, 64, 96);
            byte[] answer = raw.answer(0, raw.verdict("cluster", TokenFiles.SECRET, NONCE, nonce));
            answer[flip] ^= 0x40;
            socket.getOutputStream().write(answer);
            assertThat(readAll(socket)).isEmpty();
          },
          "it ");
    }
  }

  @Test
  void aSilentPeerIsGivenUpWithinTheConnectTimeout() throws Exception {
    impostorIsRefused(
        socket -> assertThat(readAll(socket)).isEqualTo(new RawToken(false).hello()),
        "it did not finish the exchange of tokens in time");
  }
}
