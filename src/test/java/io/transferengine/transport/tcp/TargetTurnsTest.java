// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.Counter;
import io.transferengine.testkit.LogCapture;
import io.transferengine.transfer.TcpIo;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Requests that a target looks at later, in tasks of its event loop: their turn has come, say. */
@Timeout(120)
class TargetTurnsTest {
  private static final int SIZE = 1 << 20;

  /** A target on sockets whose engine cannot say who it is: to ask for that throws. */
  private static final class Target extends ServedTarget {
    Target(TcpIo io) {
      super(
          io,
          SIZE,
          1,
          () -> {
            throw new IllegalStateException("meant to be thrown");
          });
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = TcpIo.class,
      names = {"AUTO", "NIO", "IO_URING"})
  void whatThrowsInATurnEndsItsConnectionAndNoOther(TcpIo io) throws Exception {
    try (Target target = new Target(io);
        LogCapture log = new LogCapture()) {
      Socket writer = target.peer();
      Socket bad = target.peer();
      Socket good = target.peer();
      Socket beside = target.peer();
      writer.getOutputStream().write(target.header(1000, 0, 0x01));
      writer.getOutputStream().write(new byte[10]);
      Awaitility.await()
          .until(() -> target.metrics.snapshot().get(Counter.INBOUND_BYTES_WRITTEN) == 10);
      // Both wait for that write; behind the first is what throws.
      ByteArrayOutputStream both = new ByteArrayOutputStream();
      both.writeBytes(target.header(8, 500, 0x00));
      both.writeBytes(target.header(0, 0, 0xe2));
      bad.getOutputStream().write(both.toByteArray());
      good.getOutputStream().write(target.header(8, 500, 0x00));
      beside.getOutputStream().write(target.header(8, 5000, 0x00));
      assertThat(beside.getInputStream().readNBytes(8)).hasSize(8);
      writer.close();
      assertThat(good.getInputStream().readNBytes(8)).hasSize(8);
      // It ends, with the answer before or without; to wait for that would throw.
      assertThat(toEnd(bad)).isLessThanOrEqualTo(8);
      beside.getOutputStream().write(target.header(8, 5000, 0x00));
      assertThat(beside.getInputStream().readNBytes(8)).hasSize(8);
      assertThat(log.warningsWithStacks())
          .anyMatch(line -> line.contains("closed by a fault") && line.contains("meant to be"));
    }
  }

  private static int toEnd(Socket socket) {
    int bytes = 0;
    try {
      while (socket.getInputStream().read() >= 0) {
        bytes++;
      }
    } catch (SocketTimeoutException e) {
      throw new AssertionError("The connection has not ended", e);
    } catch (IOException e) {
      // A reset.
    }
    return bytes;
  }
}
