// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.LogCapture;
import io.transferengine.wire.Golden;
import io.transferengine.wire.SegmentDescriptor;
import java.io.IOException;
import java.net.InetAddress;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** C++ engines without RDMA cannot use a segment of protocol rdma, and do not say so. */
@Timeout(60)
class TcpOnlyPeerTest {
  private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();

  private final RecordingHandler handler = new RecordingHandler();

  private void ask(HandshakeDaemon daemon, byte[] request) throws IOException {
    assertThat(RawPeer.ask(LOOPBACK, daemon.port(), request)).isNotEmpty();
  }

  @Test
  void oneThatAsksForOurRdmaSegmentIsWarnedOfOnce() throws IOException {
    byte[] cpp = Golden.bytes("p2p-tcp-v2/01-port15271-request.bin");
    byte[] java =
        RawPeer.frame(1, "{\"protocol\":\"tcp\",\"name\":\"a\",\"te_incarnation\":\"00\"}\n");
    byte[] withRdma = RawPeer.frame(1, "{\"protocol\":\"rdma\",\"name\":\"a\"}\n");
    try (LogCapture log = new LogCapture();
        HandshakeDaemon daemon =
            new HandshakeDaemon(HandshakeDaemonOptions.DEFAULT.withPort(0), handler)) {
      handler.descriptor = Optional.of(SegmentDescriptor.builder("a:1", "tcp").build());
      ask(daemon, cpp);
      handler.descriptor = Optional.of(SegmentDescriptor.builder("a:1", "rdma").build());
      ask(daemon, java);
      ask(daemon, withRdma);
      assertThat(log.warnings()).isEmpty();
      ask(daemon, cpp);
      ask(daemon, cpp);
      assertThat(log.warnings())
          .singleElement()
          .asString()
          .contains("C++ engine without RDMA at 127.0.0.1", "protocol tcp");
    }
  }
}
