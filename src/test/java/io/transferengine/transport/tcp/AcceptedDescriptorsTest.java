// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.config.Options;
import io.transferengine.config.Settings;
import io.transferengine.device.Devices;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.recording.Audit;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.os.FfmSystemCalls;
import io.transferengine.tls.PeerTls;
import io.transferengine.transfer.TcpIo;
import io.transferengine.transport.AccessControl;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Memory runs out between a connection and its channel. */
@Timeout(60)
class AcceptedDescriptorsTest {
  private final EngineMetrics metrics = new EngineMetrics();

  @Test
  void aConnectionWithoutAChannelIsClosedAndTheNextIsServed() throws Exception {
    AtomicInteger accepted = new AtomicInteger();
    EventLoops loops = new EventLoops(IoBackend.of(TcpIo.EPOLL), 1, 65_536, 65_536, metrics);
    TargetServer server =
        new TargetServer(
            loops,
            IoBackend.EPOLL,
            new RegionTable(),
            metrics,
            new AccessControl(Optional.empty(), new Audit(metrics)),
            TcpOptions.of(Settings.builder().set(Options.TCP_LANES_PER_PEER, 1).build()),
            PeerTls.off(),
            () -> "0123456789abcdef",
            new DeviceStaging(new Devices(), metrics, 8 << 20),
            new AcceptedDescriptors(
                new FfmSystemCalls(),
                _ -> {
                  if (accepted.incrementAndGet() == 1) {
                    throw new OutOfMemoryError("a test's");
                  }
                }));
    server.start();
    try (Socket lost = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
      lost.setSoTimeout(20_000);
      assertThat(lost.getInputStream().read()).as("the end of the stream").isEqualTo(-1);
      try (Socket next = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
        next.setSoTimeout(20_000);
        // Nothing is registered there: only who serves the connection ends it.
        next.getOutputStream().write(RequestBytes.header(1, 4096, 0));
        assertThat(isEnded(next)).isTrue();
        assertThat(accepted).hasValue(2);
      }
    } finally {
      server.close(Duration.ofSeconds(5));
      loops.close(Duration.ofSeconds(5));
    }
  }

  private static boolean isEnded(Socket socket) throws IOException {
    try {
      return socket.getInputStream().read() < 0;
    } catch (SocketException reset) {
      return true;
    }
  }
}
