// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.fuzz.Oracle.require;

import io.transferengine.fuzz.FuzzTarget;
import io.transferengine.testkit.TestAuthority;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.Arrays;

/**
 * Both ports of an engine with TLS and of one without, each with any first bytes: a plain frame or
 * request, a TLS hello, or neither. The first byte of an input chooses the port.
 */
public final class PortsFuzz implements FuzzTarget {
  private static final int BYTES = 4096;
  private static final int LIMIT_MILLIS = 20_000;
  private static final Duration START_LIMIT = Duration.ofMinutes(1);

  private final TestEngine plain = new TestEngine(BYTES, PortsFuzz::patient);
  private final TestEngine secure =
      new TestEngine(
          BYTES,
          builder ->
              TlsTransferTest.with(
                  patient(builder), TestAuthority.temporary("fuzz").loopback("engine")));
  private final int[] ports = {
    plain.engine.rpcPort(), dataPort(plain), secure.engine.rpcPort(), dataPort(secure)
  };

  /** The first connection loads classes, each of which is instrumented. */
  private static EngineConfig.Builder patient(EngineConfig.Builder builder) {
    return builder.handshakeConnectTimeoutSeconds(60);
  }

  private static int dataPort(TestEngine engine) {
    return engine.engine.core().describe(engine.engine.segmentName(), START_LIMIT).tcpDataPort();
  }

  @Override
  public void run(byte[] input) throws IOException {
    if (input.length == 0) {
      return;
    }
    int chosen = input[0] & 3;
    byte[] answer = answer(ports[chosen], Arrays.copyOfRange(input, 1, input.length));
    if (chosen == 0) {
      requireFrame(answer);
    } else if (chosen >= 2) {
      requireNothingToldInPlain(answer);
    }
    plain.assertNothingInFlight();
    secure.assertNothingInFlight();
    require(isZero(secure.bytes(0, BYTES)), "a stranger has written to the memory of a TLS engine");
  }

  private static byte[] answer(int port, byte[] sent) throws IOException {
    try (Socket client = new Socket(InetAddress.getLoopbackAddress(), port)) {
      client.setSoTimeout(LIMIT_MILLIS);
      client.getOutputStream().write(sent);
      client.shutdownOutput();
      return client.getInputStream().readAllBytes();
    } catch (SocketTimeoutException e) {
      throw new AssertionError("port " + port + " neither answers nor closes", e);
    } catch (IOException e) {
      return new byte[0]; // Refused by a reset.
    }
  }

  /** Nothing, or one frame: its length, its type, and JSON. */
  private static void requireFrame(byte[] answer) {
    if (answer.length > 0) {
      long length = ByteBuffer.wrap(answer).order(ByteOrder.LITTLE_ENDIAN).getLong();
      require(length == answer.length - 8, "an answer of another length than it says");
    }
  }

  /** Nothing, or records of TLS, each with its type and the major version. */
  private static void requireNothingToldInPlain(byte[] answer) {
    int at = 0;
    while (at < answer.length) {
      boolean record =
          answer.length - at >= 5
              && answer[at] >= 0x14
              && answer[at] <= 0x17
              && answer[at + 1] == 3;
      require(record, "a TLS port answers a stranger in plain");
      at += 5 + (((answer[at + 3] & 0xff) << 8) | (answer[at + 4] & 0xff));
    }
  }

  private static boolean isZero(byte[] bytes) {
    for (byte each : bytes) {
      if (each != 0) {
        return false;
      }
    }
    return true;
  }

  @Override
  public void close() {
    plain.close();
    secure.close();
  }
}
