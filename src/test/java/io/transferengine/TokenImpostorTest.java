// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.transferengine.metrics.Counter;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.RawToken;
import io.transferengine.testkit.TokenFiles;
import io.transferengine.transfer.Operation;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Somebody else than a peer listens at its data port: no request is sent there, and the transfer
 * fails with the reason. Its RPC port is played by hand, with the right token.
 */
@Timeout(180)
class TokenImpostorTest {
  private static final int BYTES = 4096;
  private static final byte[] NONCE = "n".repeat(32).getBytes(StandardCharsets.US_ASCII);
  private static final RawToken RPC = new RawToken(false);
  private static final RawToken DATA = new RawToken(true);

  @TempDir private Path folder;
  private ServerSocket rpc;
  private ServerSocket data;
  private TestEngine engine;
  private volatile Part part = _ -> {};
  private final Queue<Throwable> thrown = new ConcurrentLinkedQueue<>();

  /** What is done with a connection to the data port. */
  interface Part {
    void play(Socket socket) throws IOException;
  }

  @BeforeEach
  void start() throws IOException {
    Path file = TokenFiles.write(folder.resolve("token"), "cluster " + TokenFiles.SECRET);
    rpc = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    data = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    serve(rpc, this::describe);
    serve(data, socket -> part.play(socket));
    engine =
        new TestEngine(
            BYTES,
            builder ->
                TokenTransferTest.with(builder, file)
                    .handshakeConnectTimeoutSeconds(1)
                    .tcpLanesPerPeer(1));
  }

  @AfterEach
  void stop() throws IOException {
    engine.close();
    rpc.close();
    data.close();
    assertThat(thrown).isEmpty();
  }

  private void serve(ServerSocket listener, Part each) {
    var _ =
        Thread.ofVirtual()
            .start(
                () -> {
                  while (!listener.isClosed()) {
                    try (Socket socket = listener.accept()) {
                      each.play(socket);
                    } catch (IOException e) {
                      // Closed, or reset by who was refused.
                    } catch (Throwable t) {
                      thrown.add(t);
                    }
                  }
                });
  }

  private void describe(Socket socket) throws IOException {
    byte[] proof = proof(RPC, socket);
    socket.getOutputStream().write(RPC.answer(0, verdict(RPC, TokenFiles.SECRET, proof)));
    InputStream in = socket.getInputStream();
    long length = ByteBuffer.wrap(in.readNBytes(8)).order(ByteOrder.LITTLE_ENDIAN).getLong();
    var _ = in.readNBytes((int) length);
    byte[] json =
        """
        {"buffers":[{"addr":65536,"length":1048576,"name":"%1$s"}],"name":"%1$s","protocol":"tcp",\
        "tcp_data_port":%2$d,"tcp_proto_version":2,"timestamp":""}
        """
            .formatted(name(), data.getLocalPort())
            .getBytes(StandardCharsets.US_ASCII);
    byte[] head =
        ByteBuffer.allocate(9)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(json.length + 1L)
            .put((byte) 1)
            .array();
    socket.getOutputStream().write(RawToken.join(head, json));
  }

  private String name() {
    return "127.0.0.1:" + rpc.getLocalPort();
  }

  /** Takes a hello, gives a challenge; {@return the 128 bytes of the proof} */
  private static byte[] proof(RawToken raw, Socket socket) throws IOException {
    InputStream in = socket.getInputStream();
    assertThat(in.readNBytes(raw.hello().length)).isEqualTo(raw.hello());
    socket.getOutputStream().write(raw.answer(0, NONCE));
    byte[] proof = in.readNBytes(raw.data() ? 128 : 138);
    return Arrays.copyOfRange(proof, proof.length - 128, proof.length);
  }

  private static byte[] verdict(RawToken raw, String secret, byte[] proof) {
    return raw.verdict("cluster", secret, NONCE, Arrays.copyOfRange(proof, 64, 96));
  }

  private static void nothingFollows(Socket socket) throws IOException {
    byte[] more;
    try {
      more = socket.getInputStream().readAllBytes();
    } catch (IOException reset) {
      return;
    }
    assertThat(more).isEmpty();
  }

  private void isRefused(Part played, String why) {
    part = played;
    try (LogCapture log = new LogCapture()) {
      long before = engine.count(Counter.TOKEN_PEERS_REFUSED);
      do {
        Transfer transfer = engine.submit(Operation.WRITE, name(), 65_536, BYTES);
        TestEngine.assertFailed(transfer);
        assertThat(transfer.failure().orElseThrow()).hasMessageContainingAll(name(), why);
        // Else it met the end of a connection that was begun, and counted, before it.
      } while (engine.count(Counter.TOKEN_PEERS_REFUSED) == before);
      if (before == 0) {
        await()
            .untilAsserted(
                () ->
                    assertThat(log.warnings())
                        .anyMatch(line -> line.contains("Refused " + name() + ": our")));
      }
    }
  }

  /** An impostor, and what the transfer says of it. */
  record Impostor(String name, Part part, String said) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Impostor> impostors() {
    return Stream.of(
        new Impostor("closes at once", _ -> {}, "as engines without TE_TOKEN_FILE do"),
        new Impostor(
            "refuses as C++ does",
            socket -> {
              assertThat(socket.getInputStream().readNBytes(24)).isEqualTo(DATA.hello());
              socket.getOutputStream().write(DATA.answer(1, new byte[0]));
              nothingFollows(socket);
            },
            "something else than an exchange of tokens"),
        new Impostor(
            "is silent",
            TokenImpostorTest::nothingButAHello,
            "did not finish the exchange of tokens in time"),
        new Impostor(
            "does not accept",
            socket -> {
              var _ = proof(DATA, socket);
              socket.getOutputStream().write(DATA.answer(6, new byte[0]));
              nothingFollows(socket);
            },
            "it does not accept our token cluster"),
        new Impostor(
            "has another secret",
            socket -> {
              byte[] mac = verdict(DATA, TokenFiles.OTHER_SECRET, proof(DATA, socket));
              socket.getOutputStream().write(DATA.answer(0, mac));
              nothingFollows(socket);
            },
            "it does not know the secret of our token cluster"),
        new Impostor(
            "reflects our proof",
            socket -> {
              byte[] mac = Arrays.copyOfRange(proof(DATA, socket), 96, 128);
              socket.getOutputStream().write(DATA.answer(0, mac));
              nothingFollows(socket);
            },
            "it does not know the secret of our token cluster"),
        new Impostor(
            "has a verdict of the other port",
            socket -> {
              byte[] mac = verdict(RPC, TokenFiles.SECRET, proof(DATA, socket));
              socket.getOutputStream().write(DATA.answer(0, mac));
              nothingFollows(socket);
            },
            "it does not know the secret of our token cluster"),
        new Impostor(
            "says more than its verdict",
            socket -> {
              byte[] mac = verdict(DATA, TokenFiles.SECRET, proof(DATA, socket));
              socket.getOutputStream().write(RawToken.join(DATA.answer(0, mac), new byte[8]));
              nothingFollows(socket);
            },
            "something else than an exchange of tokens"));
  }

  private static void nothingButAHello(Socket socket) throws IOException {
    assertThat(socket.getInputStream().readNBytes(24)).isEqualTo(DATA.hello());
    nothingFollows(socket);
  }

  @ParameterizedTest
  @MethodSource("impostors")
  void whoeverListensThereGetsNoRequest(Impostor impostor) {
    isRefused(impostor.part, impostor.said);
  }

  @Test
  void everyFlippedByteOfAVerdictIsRefused() {
    for (int at = 0; at < 40; at++) {
      int flip = at;
      isRefused(
          socket -> {
            byte[] answer = DATA.answer(0, verdict(DATA, TokenFiles.SECRET, proof(DATA, socket)));
            answer[flip] ^= 0x40;
            socket.getOutputStream().write(answer);
            nothingFollows(socket);
          },
          "it ");
    }
  }
}
