// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.access.AccessPolicy;
import io.transferengine.access.PeerIdentity;
import io.transferengine.access.RegisteredRange;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.TestAuthority;
import io.transferengine.testkit.TestAuthority.Identity;
import io.transferengine.transfer.Operation;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Whom the caller's policy is asked about on the data port, with TLS and without. */
@Timeout(120)
class TlsIdentityTest {
  private static final int BYTES = 4096;
  private static final InetAddress HERE = InetAddress.getLoopbackAddress();

  @TempDir private static Path folder;
  private static Identity node1;
  private static Identity node2;

  private final Policy policy = new Policy();

  @BeforeAll
  static void certificates() {
    TestAuthority authority = new TestAuthority(folder, "authority");
    node1 = authority.issue("node1", "-ext", TestAuthority.LOOPBACK + ",dns:node1");
    node2 = authority.issue("node2", "-ext", "san=dns:node2,uri:spiffe://x/node2");
  }

  /** Lets in whom a test names; keeps whom it was asked about. */
  private static final class Policy implements AccessPolicy {
    final Set<PeerIdentity> asked = ConcurrentHashMap.newKeySet();
    volatile String reader = "node2";

    @Override
    public boolean mayRead(PeerIdentity peer, RegisteredRange memory) {
      asked.add(peer);
      return peer.names().contains(reader);
    }

    @Override
    public boolean mayWrite(PeerIdentity peer, RegisteredRange memory) {
      asked.add(peer);
      return false;
    }
  }

  private TestEngine target(UnaryOperator<EngineConfig.Builder> options) {
    return new TestEngine(
        BYTES, builder -> options.apply(TlsTransferTest.with(builder, node1)).accessPolicy(policy));
  }

  @Test
  void aPeerIsWhatItsCertificateSays() {
    PeerIdentity proved = PeerIdentity.proved(HERE, List.of("node2", "spiffe://x/node2"));
    try (LogCapture log = new LogCapture();
        TestEngine target = target(builder -> builder);
        TestEngine peer = new TestEngine(BYTES, builder -> TlsTransferTest.with(builder, node2))) {
      String there = target.engine.segmentName();
      TestEngine.assertCompleted(peer.submit(Operation.READ, there, target.address(), BYTES));
      assertThat(policy.asked).containsExactly(proved);
      TestEngine.assertFailed(peer.submit(Operation.WRITE, there, target.address(), BYTES));
      assertThat(policy.asked).containsExactly(proved);
      assertThat(target.count(Counter.ACCESS_REFUSED_BY_POLICY)).isEqualTo(1);
      assertThat(log.warnings())
          .anyMatch(line -> line.startsWith("Refused node2, spiffe://x/node2 at 127.0.0.1"));
      policy.reader = "node3";
      TestEngine.assertFailed(peer.submit(Operation.READ, there, target.address(), BYTES));
    }
  }

  /** The flight recorder hears of it where it happens. */
  @Test
  void refusalsAreRecordedWithTheirPort() throws IOException {
    Path file = folder.resolve("refusals.jfr");
    try (LogCapture _ = new LogCapture();
        Recording recording = new Recording();
        TestEngine target = target(builder -> builder);
        TestEngine peer = new TestEngine(BYTES, builder -> TlsTransferTest.with(builder, node2));
        TestEngine plain = new TestEngine(BYTES)) {
      recording.enable("io.transferengine.Refusal");
      recording.start();
      String there = target.engine.segmentName();
      TestEngine.assertFailed(peer.submit(Operation.WRITE, there, target.address(), BYTES));
      TestEngine.assertFailed(plain.submit(Operation.WRITE, there, target.address(), BYTES));
      TestEngine.eventually(
          "both refused", () -> target.count(Counter.TLS_CONNECTIONS_REFUSED) > 0);
      recording.stop();
      recording.dump(file);
    }
    assertThat(RecordingFile.readAllEvents(file))
        .filteredOn(event -> event.getEventType().getName().equals("io.transferengine.Refusal"))
        .extracting(event -> event.getString("reason") + " at our " + event.getString("port"))
        .contains("POLICY at our data port", "TLS_CONNECTION at our RPC port");
  }

  @Test
  void whoIsListedAsPlainHasProvedNothing() {
    try (LogCapture _ = new LogCapture();
        TestEngine target = target(builder -> builder.tlsPlainPeers("127.0.0.1"));
        TestEngine listed =
            new TestEngine(
                BYTES, builder -> TlsTransferTest.with(builder, node2).tlsPlainPeers("127.0.0.1"));
        TestEngine plain = new TestEngine(BYTES)) {
      for (TestEngine peer : List.of(listed, plain)) {
        TestEngine.assertFailed(
            peer.submit(Operation.READ, target.engine.segmentName(), target.address(), BYTES));
      }
      assertThat(policy.asked).containsExactly(PeerIdentity.unproved(HERE));
    }
  }
}
