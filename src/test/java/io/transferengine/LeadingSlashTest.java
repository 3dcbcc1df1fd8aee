// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metadata.server.HttpMetadataServer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A name with slashes before it is the name without them, for whatever it is used. */
@Timeout(120)
class LeadingSlashTest {
  private static TransferEngine engine(String name, String server) {
    TransferEngine engine = new TransferEngine();
    assertThat(engine.initialize(name, server, "tcp", "")).isZero();
    return engine;
  }

  private static void assertReached(TransferEngine from, TransferEngine to, String name) {
    long there = to.allocateManagedBuffer(4096);
    long here = from.allocateManagedBuffer(4096);
    assertThat(from.sendProbe(name)).as("probe of %s", name).isZero();
    assertThat(from.sendNotify(name, "n", "m")).as("notification to %s", name).isZero();
    assertThat(from.getFirstBufferAddress(name)).as("%s", name).isEqualTo(there);
    assertThat(from.transferSyncWrite(name, here, there, 4096)).as("%s", name).isZero();
    assertThat(to.freeManagedBuffer(there, 4096)).isZero();
    assertThat(from.freeManagedBuffer(here, 4096)).isZero();
  }

  @Test
  void inPeerToPeerMode() {
    try (TransferEngine from = engine("127.0.0.1", "P2PHANDSHAKE");
        TransferEngine to = engine("127.0.0.1", "P2PHANDSHAKE")) {
      assertReached(from, to, "127.0.0.1:" + to.getRpcPort());
      assertReached(from, to, "/127.0.0.1:" + to.getRpcPort());
      assertReached(from, to, "///127.0.0.1:" + to.getRpcPort());
    }
  }

  @Test
  void withAMetadataService() {
    try (HttpMetadataServer server = HttpMetadataServer.start("127.0.0.1", 0);
        TransferEngine from = engine("from", server.connectionString("127.0.0.1"));
        TransferEngine to = engine("to", server.connectionString("127.0.0.1"));
        TransferEngine slashed = engine("/localhost", server.connectionString("127.0.0.1"))) {
      assertReached(from, to, "/to");
      assertReached(from, slashed, "localhost");
      assertReached(from, slashed, "/localhost");
    }
  }
}
