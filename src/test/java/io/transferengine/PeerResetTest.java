// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.RawInitiator.OK;
import static io.transferengine.RawInitiator.READ;
import static io.transferengine.RawInitiator.header;
import static io.transferengine.TestEngine.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.Counter;
import io.transferengine.transfer.TcpIo;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Peers that die while answers wait for them leave nothing behind at the target. */
@Timeout(60)
class PeerResetTest {
  private static final int RESETS = 20;
  private static final int MIB = 1 << 20;

  @ParameterizedTest
  @CsvSource({
    "AUTO,1000000,200,128,false",
    "AUTO,1000000,200,0,false",
    "AUTO,300,20000,128,false",
    "AUTO,16000,2000,0,false",
    "AUTO,1000000,200,128,true",
    "AUTO,300,20000,128,true",
    "AUTO,16000,2000,0,true",
    "IO_URING,1000000,200,0,false",
    "IO_URING,300,20000,128,false",
    "IO_URING,300,20000,128,true",
    "IO_URING,16000,2000,0,true"
  })
  void aPeerThatResetsWithReadsUnansweredIsForgotten(
      TcpIo io, int size, int count, int v2, boolean halfCloses) throws Exception {
    try (TestEngine target = new TestEngine(MIB, builder -> builder.tcpIo(io))) {
      int port = RawInitiator.dataPort(target.engine.rpcPort());
      long before = sockets();
      ByteArrayOutputStream requests = new ByteArrayOutputStream();
      for (int i = 0; i < count; i++) {
        requests.writeBytes(header(size, target.address(), READ | v2));
      }
      for (int i = 0; i < RESETS; i++) {
        long seen = target.count(Counter.INBOUND_REQUESTS);
        RawInitiator peer = new RawInitiator(port, 4096);
        peer.send(requests.toByteArray());
        if (halfCloses) {
          peer.halfClose();
        }
        // Answers are under way, and the socket has no room for all of them.
        eventually("no request", () -> target.count(Counter.INBOUND_REQUESTS) > seen);
        assertThat(peer.receive(8)).hasSize(OK.length);
        // Closing with unread bytes resets the connection, as the end of a process does.
        peer.close();
      }
      eventually("connections that nobody has at their other end", () -> sockets() <= before);
    }
  }

  private static long sockets() {
    try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
      return descriptors.filter(PeerResetTest::isSocket).count();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static boolean isSocket(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString().startsWith("socket:");
    } catch (IOException e) {
      return false; // gone meanwhile
    }
  }
}
