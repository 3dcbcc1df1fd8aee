// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.Counter;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TraceParent;
import io.transferengine.transfer.TransferRequest;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A notification carries the trace context of who sends it. */
@Timeout(60)
class NotificationTraceTest {
  private static final Duration LONG = Duration.ofSeconds(30);
  private static final String TEXT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  private static final TraceParent SPAN = TraceParent.of(TEXT);

  /** What the frame of a notification has besides its text: type, members, end of line. */
  private static final int OTHERS = 1 + "{\"name\":\"n\",\"notify_msg\":\"\"}\n".length();

  private static final int CPP_FRAME_MAX = 1 << 20;

  private final TestEngine here = new TestEngine(4096);
  private final TestEngine there = new TestEngine(4096);

  @AfterEach
  void close() {
    here.close();
    there.close();
  }

  private Notification taken() throws InterruptedException {
    return there.engine.takeNotification(LONG).orElseThrow();
  }

  private TransferRequest write() {
    return TransferRequest.of(
            Operation.WRITE,
            there.engine.segmentName(),
            BlockColumns.of(here.address(), there.address(), 100))
        .withNotification("layer", "done");
  }

  @Test
  void thatOfATransferArrivesWithItsNotification() throws InterruptedException {
    Transfer traced = here.engine.submit(write().withTraceParent(SPAN));
    TestEngine.assertCompleted(traced);
    assertThat(taken().traceParent()).contains(SPAN);
    assertThat(traced.report().traceParent()).contains(SPAN);

    Transfer plain = here.engine.submit(write());
    TestEngine.assertCompleted(plain);
    assertThat(taken().traceParent()).isEmpty();
    assertThat(plain.report().traceParent()).isEmpty();
  }

  @Test
  void thatOfAMessageArrivesWithIt() throws InterruptedException {
    TransferNotify message = new TransferNotify("name", "text");
    here.engine.sendNotify(there.engine.segmentName(), message, SPAN, LONG);
    Notification traced = taken();
    assertThat(traced.traceParent()).contains(SPAN);
    assertThat(traced.name()).isEqualTo("name");
    assertThat(traced.message()).isEqualTo("text");
    here.engine.sendNotify(there.engine.segmentName(), message);
    assertThat(taken().traceParent()).isEmpty();
    assertThat(there.count(Counter.TRACE_PARENTS_MALFORMED)).isZero();
  }

  /** C++ peers read frames of a MiB, and would read this one without a trace. */
  @Test
  void aMessageThatWouldBecomeTooLongGoesWithoutIt() throws InterruptedException {
    int room = "te_traceparent".length() + TraceParent.LENGTH + ",\"\":\"\"".length();
    send(CPP_FRAME_MAX - OTHERS - room);
    assertThat(taken().traceParent()).contains(SPAN);
    send(CPP_FRAME_MAX - OTHERS - room + 1);
    assertThat(taken().traceParent()).isEmpty();
    send(CPP_FRAME_MAX - OTHERS);
    assertThat(taken().traceParent()).isEmpty();
  }

  private void send(int length) {
    TransferNotify message = new TransferNotify("n", "x".repeat(length));
    here.engine.sendNotify(there.engine.segmentName(), message, SPAN, LONG);
  }

  @Test
  void ofAStrangerOnlyTheFormCountsAndTheMessageIsTaken() throws Exception {
    String[] malformed = {
      "\"\"",
      "\"" + TEXT + "-more\"",
      "\"" + TEXT.toUpperCase(Locale.ROOT) + "\"",
      "\"" + "0".repeat(500_000) + "\"",
      "\"\\ud800" + TEXT.substring(1) + "\"",
      "7",
      "[\"" + TEXT + "\"]",
      "{\"te_traceparent\":\"" + TEXT + "\"}",
      "true",
      // Only the last one counts.
      "\"" + TEXT + "\",\"te_traceparent\":1,\"te_traceparent\":2"
    };
    for (int i = 0; i < malformed.length; i++) {
      notify(malformed[i]);
      Notification message = taken();
      assertThat(message.traceParent()).as(malformed[i]).isEmpty();
      assertThat(message.message()).isEqualTo("text");
      assertThat(there.count(Counter.TRACE_PARENTS_MALFORMED)).as(malformed[i]).isEqualTo(i + 1L);
    }
    notify("null");
    assertThat(taken().traceParent()).isEmpty();
    notify("\"" + TEXT + "\"");
    assertThat(taken().traceParent()).contains(SPAN);
    assertThat(there.count(Counter.TRACE_PARENTS_MALFORMED)).isEqualTo(malformed.length);
  }

  /** A Notify frame by hand. */
  private void notify(String traceParent) throws IOException {
    byte[] json =
        ("{\"name\":\"n\",\"te_traceparent\":" + traceParent + ",\"notify_msg\":\"text\"}\n")
            .getBytes(StandardCharsets.UTF_8);
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), there.engine.rpcPort())) {
      socket.setSoTimeout(30_000);
      ByteBuffer frame = ByteBuffer.allocate(9 + json.length).order(ByteOrder.LITTLE_ENDIAN);
      frame.putLong(1 + json.length).put((byte) 2).put(json);
      socket.getOutputStream().write(frame.array());
      String reply = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(reply).contains("success");
    }
  }
}
