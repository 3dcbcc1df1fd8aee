// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.access.PeerIdentity;
import io.transferengine.testkit.LogCapture;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What strangers have the server hold is bounded, for each address, and given back. */
@Timeout(60)
class ServerMemoryTest {
  private static final int KIB = 1 << 10;
  private static final int RECORD_BYTES_MAX = 16 * KIB;
  private static final String OTHER = "127.0.0.2";

  private final RequestMemory memory = RequestMemory.of(128 * KIB, 32 * KIB, 3072 * KIB);
  private final Refusals refusals = new Refusals();
  private final RecordTable records = new RecordTable(1000, 16L << 20, System::nanoTime);
  private final RecordHandler handler =
      new RecordHandler(records, RECORD_BYTES_MAX, memory, Access.open(), refusals);
  private HttpPort server;

  @BeforeEach
  void start() throws IOException {
    server =
        new HttpPort(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            100,
            request -> {
              if (request.path().equals("/none")) {
                throw new OutOfMemoryError("a test's");
              }
              if (request.path().equals("/fault")) {
                throw new IllegalStateException("a test's");
              }
              return handler.answer(request);
            },
            Optional.empty(),
            refusals,
            memory);
    server.start();
  }

  @AfterEach
  void close() {
    server.close();
  }

  private Socket begin(String from, String text) throws IOException {
    Socket socket = new Socket();
    socket.bind(new InetSocketAddress(InetAddress.getByName(from), 0));
    socket.connect(server.address());
    socket.setSoTimeout(30_000);
    socket.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII));
    return socket;
  }

  private String ask(String from, String text) throws IOException {
    try (Socket socket = begin(from, text)) {
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
    }
  }

  private static String get(String target) {
    return "GET " + target + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  }

  private static String put(String key, int announced) {
    return "PUT /metadata?key="
        + key
        + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: "
        + announced
        + "\r\n\r\n";
  }

  @Test
  void longHeadsOfOneAddressLeaveRoomForOthers() throws IOException {
    String longer = get("/health?" + "k".repeat(5 * KIB));
    assertThat(ask("127.0.0.1", longer)).startsWith("HTTP/1.1 200 ");
    try (Socket _ = begin("127.0.0.1", "GET /" + "k".repeat(17 * KIB))) {
      Awaitility.await().until(() -> memory.heads().bytes() == 64 * KIB);
      assertThat(ask("127.0.0.1", longer))
          .startsWith("HTTP/1.1 503 ")
          .contains("half of the limit of heads of requests");
      assertThat(ask("127.0.0.1", get("/health"))).startsWith("HTTP/1.1 200 ");
      assertThat(ask(OTHER, longer)).startsWith("HTTP/1.1 200 ");
    }
    Awaitility.await().until(() -> memory.heads().bytes() == 0);
    assertThat(ask("127.0.0.1", longer)).startsWith("HTTP/1.1 200 ");
    assertThat(ask(OTHER, get("/metrics"))).contains("te_metadata_memory_refused_total 1\n");
  }

  @Test
  void bodiesOfOneAddressLeaveRoomForOthers() throws IOException {
    String body = "x".repeat(8 * KIB);
    try (Socket _ = begin("127.0.0.1", put("slow", 12 * KIB) + "x")) {
      Awaitility.await().until(() -> memory.bodies().bytes() == 12 * KIB);
      assertThat(ask("127.0.0.1", put("a", body.length()) + body))
          .startsWith("HTTP/1.1 503 ")
          .contains("half of the limit of bodies of requests");
      assertThat(ask(OTHER, put("a", body.length()) + body)).startsWith("HTTP/1.1 200 ");
    }
    Awaitility.await().until(() -> memory.bodies().bytes() == 0);
    assertThat(ask("127.0.0.1", put("a", body.length()) + body)).startsWith("HTTP/1.1 200 ");
  }

  @Test
  void listsThatAreSentAreBounded() throws IOException {
    for (int i = 0; i < 100; i++) {
      assertThat(ask("127.0.0.1", put("k".repeat(4000) + (i % 2 == 0 ? "a" : "b") + i, 0)))
          .startsWith("HTTP/1.1 200 ");
    }
    for (int i = 0; i < 4; i++) {
      // The client may have all of it before the server knows.
      Awaitility.await().until(() -> memory.answers().bytes() == 0);
      assertThat(ask("127.0.0.1", get("/keys")).length()).isGreaterThan(400_000);
    }
    Awaitility.await().until(() -> memory.answers().bytes() == 0);
    for (int i = 100; i < 140; i++) {
      ask("127.0.0.1", put("k".repeat(4000) + "c" + i, 0));
    }
    assertThat(ask("127.0.0.1", get("/keys")))
        .startsWith("HTTP/1.1 503 ")
        .contains("half of the limit of answers");
    assertThat(ask("127.0.0.1", get("/keys?prefix=" + "k".repeat(4000) + "c")))
        .startsWith("HTTP/1.1 200 ");
    Awaitility.await().until(() -> memory.answers().bytes() == 0);
  }

  /** {@return the answer to a GET, which nobody sends: no kernel has room for some of it} */
  private HttpAnswer answer(String target) throws Exception {
    HttpHead head =
        HttpHead.read(
                new ByteArrayInputStream(get(target).getBytes(StandardCharsets.US_ASCII)), _ -> {})
            .orElseThrow();
    return handler.answer(
        new HttpRequest(
            head,
            InputStream.nullInputStream(),
            PeerIdentity.unproved(InetAddress.getLoopbackAddress())));
  }

  /** Many may stall: each counts, be it short or not. */
  @Test
  void aListCountsUntilItsAnswerIsClosed() throws Exception {
    for (int i = 0; i < 10; i++) {
      assertThat(ask("127.0.0.1", put("k".repeat(4000) + i, 0))).startsWith("HTTP/1.1 200 ");
    }
    try (HttpAnswer _ = answer("/keys")) {
      assertThat(memory.answers().bytes()).isEqualTo(10 * 4002 - 1 - ListText.FREE_BYTES);
    }
    assertThat(memory.answers().bytes()).isZero();
  }

  /** What a client that does not read holds beside is small, and no copy of a record. */
  @Test
  void aRecordIsSentFromWhereItLies() throws Exception {
    byte[] value = new byte[300 * KIB];
    records.put("a", value, 0, RecordTable.Condition.NONE, RecordTable.Claim.NOBODYS);
    List<byte[]> written = new ArrayList<>();
    try (RecordTable.Reading reading = records.read("a").orElseThrow();
        HttpAnswer answer =
            HttpAnswer.record("text/plain", reading.entityTag(), reading.value(), () -> {})) {
      answer.writeTo(
          new OutputStream() {
            @Override
            public void write(int b) {
              throw new AssertionError("byte by byte");
            }

            @Override
            public void write(byte[] from, int offset, int count) {
              written.add(from);
            }
          },
          true,
          true);
    }
    assertThat(written.removeFirst().length).isLessThanOrEqualTo(HttpAnswer.FIRST_BYTES_MAX);
    assertThat(written).isNotEmpty().allMatch(from -> from == value);
  }

  /** A client that does not read holds the old value of a record. */
  @Test
  void aReplacedRecordThatIsStillReadCounts() throws Exception {
    byte[] value = new byte[KIB];
    records.put("a", value, 0, RecordTable.Condition.NONE, RecordTable.Claim.NOBODYS);
    try (HttpAnswer _ = answer("/metadata?key=a")) {
      assertThat(ask("127.0.0.1", put("a", 1) + "x")).startsWith("HTTP/1.1 200 ");
      assertThat(records.bytes()).isGreaterThan(value.length);
    }
    assertThat(records.bytes()).isLessThan(KIB);
  }

  @Test
  void recordsOfOneAddressLeaveRoomForOthers() throws IOException {
    for (int i = 0; i < 500; i++) {
      assertThat(ask("127.0.0.1", put("k" + i, 0))).startsWith("HTTP/1.1 200 ");
    }
    assertThat(ask("127.0.0.1", put("one-more", 0)))
        .startsWith("HTTP/1.1 507 Insufficient Storage\r\n")
        .contains("500 of 500 records are of 127.0.0.1 (half of the limit of records)");
    assertThat(ask(OTHER, put("one-more", 0))).startsWith("HTTP/1.1 200 ");
    assertThat(ask(OTHER, get("/metrics"))).contains("te_metadata_full_total 1\n");
  }

  @Test
  void whatEndsAHandlerIsAnsweredAndGivesAllBack() throws IOException {
    try (LogCapture logs = new LogCapture()) {
      for (int i = 0; i < 100; i++) {
        assertThat(ask("127.0.0.1", get((i % 2 == 0 ? "/none?" : "/fault?") + "k".repeat(5 * KIB))))
            .startsWith("HTTP/1.1 500 Internal Server Error\r\n")
            .contains("Connection: close")
            .doesNotContain("a test's");
      }
      // With its stack, and not for each.
      assertThat(logs.warningsWithStacks().getFirst()).contains("a test's", "ServerMemoryTest");
      assertThat(logs.warnings()).hasSizeLessThan(100);
    }
    Awaitility.await().until(() -> server.connections() == 0);
    assertThat(memory.heads().bytes()).isZero();
    assertThat(ask("127.0.0.1", get("/metrics"))).contains("te_metadata_faults_total 100\n");
  }
}
