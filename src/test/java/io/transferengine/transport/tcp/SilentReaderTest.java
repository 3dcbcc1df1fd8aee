// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.Gauge;
import io.transferengine.metrics.MetricsSnapshot;
import io.transferengine.testkit.KernelSockets;
import io.transferengine.transfer.TcpIo;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The kernel holds little for a peer that asks for much and never reads, and we tell how much. */
@Timeout(60)
class SilentReaderTest {
  private static final int MIB = 1 << 20;
  private static final int SMALL_BYTES = 10_000;

  /** What is on its way to a small receive buffer, and the piece that went beyond the limit. */
  private static final long SLACK_BYTES = 256 << 10;

  /** Java does not know the option: NIO is without. */
  @ParameterizedTest
  @EnumSource(
      value = TcpIo.class,
      names = {"EPOLL", "IO_URING"})
  void theKernelHoldsNoMoreThanItHasNotSentOfSoMuch(TcpIo io) throws Exception {
    try (ServedTarget target = new ServedTarget(io, 16 * MIB, 1, () -> "0123456789abcdef");
        Socket reader = new Socket()) {
      reader.setReceiveBufferSize(4096);
      reader.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), target.server.port()));
      reader.getOutputStream().write(target.header(16 * MIB, 0, 0));
      long[] last = {-1, 0};
      // It takes no more: the figure has not changed for a while.
      Awaitility.await()
          .until(
              () -> {
                long queued = kernelQueue(target.server.port(), reader.getLocalPort());
                last[1] = queued == last[0] ? last[1] + 1 : 0;
                last[0] = queued;
                return queued > 0 && last[1] > 5;
              });
      assertThat(last[0])
          .as("bytes in the kernel")
          .isLessThanOrEqualTo(TargetServer.KERNEL_UNSENT_BYTES + SLACK_BYTES);
      byte[] all = reader.getInputStream().readNBytes(16 * MIB);
      assertThat(target.memory.segment().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(all);
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = TcpIo.class,
      names = {"EPOLL", "IO_URING", "NIO"})
  void whatWaitsForItIsAFigure(TcpIo io) throws Exception {
    try (ServedTarget target = new ServedTarget(io, 64 * MIB, 1, () -> "0123456789abcdef");
        Socket reader = new Socket()) {
      reader.setReceiveBufferSize(4096);
      reader.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), target.server.port()));
      for (int i = 0; i < 4; i++) {
        reader.getOutputStream().write(target.header(SMALL_BYTES, 0, 0));
      }
      reader.getOutputStream().write(target.header(64 * MIB, 0, 0));
      reader.getOutputStream().write(target.header(SMALL_BYTES, 0, 0));
      Awaitility.await()
          .untilAsserted(
              () -> {
                MetricsSnapshot now = target.metrics.snapshot();
                assertThat(now.get(Gauge.INBOUND_BYTES_QUEUED)).isBetween(32L * MIB, 65L * MIB);
              });
      int all = 64 * MIB + 5 * SMALL_BYTES;
      assertThat(reader.getInputStream().readNBytes(all)).hasSize(all);
      Awaitility.await()
          .untilAsserted(
              () -> {
                MetricsSnapshot now = target.metrics.snapshot();
                assertThat(now.gauges().values()).as("gauges: %s", now).containsOnly(0L);
              });
    }
  }

  @Test
  void stagingInUseIsAFigure() throws Exception {
    try (ServedTarget target = new ServedTarget(TcpIo.NIO, 16 * MIB, 1, () -> "0123456789abcdef")) {
      Socket reader = target.peer();
      ByteArrayOutputStream requests = new ByteArrayOutputStream();
      for (int i = 0; i < 2000; i++) {
        requests.writeBytes(target.header(SMALL_BYTES, 0, 0));
      }
      reader.getOutputStream().write(requests.toByteArray());
      Awaitility.await()
          .untilAsserted(
              () ->
                  assertThat(target.metrics.snapshot().get(Gauge.STAGING_BYTES_IN_USE))
                      .isPositive());
      reader.close();
      Awaitility.await()
          .untilAsserted(
              () -> assertThat(target.metrics.snapshot().gauges().values()).containsOnly(0L));
    }
  }

  /** {@return what the kernel has of a socket that the other end has not confirmed} */
  static long kernelQueue(int localPort, int remotePort) throws IOException {
    Pattern ends =
        Pattern.compile(":%04X [0-9A-F]+:%04X 0[18] ([0-9A-F]+):".formatted(localPort, remotePort));
    long queued = 0;
    for (Path table : KernelSockets.tables()) {
      try (Stream<String> lines = Files.lines(table)) {
        queued +=
            lines
                .map(ends::matcher)
                .filter(Matcher::find)
                .mapToLong(found -> Long.parseLong(found.group(1), 16))
                .sum();
      }
    }
    return queued;
  }
}
