// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.config.Settings;
import io.transferengine.engine.MetadataStores;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.TestAuthority;
import io.transferengine.testkit.TestAuthority.Identity;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.MetadataCodec;
import io.transferengine.wire.MetadataKeys;
import io.transferengine.wire.SegmentDescriptor;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a record in a metadata service says of TLS, and what it cannot do. */
@Timeout(120)
class TlsRecordTest {
  private static final int BYTES = 4096;
  private static final Duration TIME = Duration.ofSeconds(10);
  private static final AtomicInteger SERVICES = new AtomicInteger();

  @TempDir private static Path folder;
  private static Identity identity;

  private final String server = "memory://tls-record-" + SERVICES.incrementAndGet();
  private final MetadataKeys keys = MetadataKeys.ofCluster("");
  private MetadataStore store;
  private LogCapture log;

  @BeforeAll
  static void certificates() {
    identity = new TestAuthority(folder, "authority").loopback("one");
  }

  @BeforeEach
  void open() {
    store = MetadataStores.open(server, Settings.fromMap(Map.of())).orElseThrow();
    log = new LogCapture();
  }

  @AfterEach
  void close() {
    log.close();
    store.close();
  }

  private TestEngine engine(String name, UnaryOperator<EngineConfig.Builder> options) {
    return new TestEngine(BYTES, _ -> options.apply(EngineConfigs.named(name, server)));
  }

  private static EngineConfig.Builder plain(EngineConfig.Builder builder) {
    return builder;
  }

  private static EngineConfig.Builder secure(EngineConfig.Builder builder) {
    return TlsTransferTest.with(builder, identity);
  }

  private static UnaryOperator<EngineConfig.Builder> except(String addresses) {
    return builder -> secure(builder).tlsPlainPeers(addresses);
  }

  private SegmentDescriptor record(String name) {
    return MetadataCodec.decodeSegment(store.get(keys.segment(name), TIME).orElseThrow())
        .orElseThrow();
  }

  /** Puts another value into a record. */
  private void say(String name, int tls) {
    byte[] said = MetadataCodec.encode(record(name).toBuilder().tls(tls).build());
    assertThat(store.replace(keys.segment(name), store.get(keys.segment(name), TIME), said, TIME))
        .isTrue();
  }

  private static void isRefused(TestEngine initiator, String... parts) {
    assertThatThrownBy(() -> initiator.engine.openSegment("target"))
        .isInstanceOfSatisfying(
            TransferException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.SOCKET))
        .hasMessageContaining("target")
        .hasMessageContainingAll(parts);
  }

  private static void moves(TestEngine initiator, TestEngine target) {
    TestEngine.assertCompleted(
        initiator.submit(Operation.WRITE, "target", target.address(), BYTES));
  }

  @Test
  void recordsSayWhatTheirEngineDoes() {
    try (TestEngine _ = engine("plain", TlsRecordTest::plain);
        TestEngine _ = engine("secure", TlsRecordTest::secure);
        TestEngine _ = engine("most", except("10.0.0.1"))) {
      assertThat(record("plain").tls()).isEqualTo(SegmentDescriptor.TLS_NOBODY);
      assertThat(record("secure").tls()).isEqualTo(SegmentDescriptor.TLS_ALL);
      assertThat(record("most").tls()).isEqualTo(SegmentDescriptor.TLS_MOST);
    }
  }

  /** At once: nothing is connected. */
  @Test
  void aPlainEngineSaysThatAPeerWantsTls() {
    try (TestEngine target = engine("target", TlsRecordTest::secure);
        TestEngine initiator = engine("initiator", TlsRecordTest::plain)) {
      isRefused(initiator, "it wants TLS, and TE_TLS is off here", "TE_TLS=required");
      assertThat(log.count("it wants TLS, and TE_TLS is off here")).isEqualTo(1);
      TestEngine.assertFailed(initiator.submit(Operation.READ, "target", target.address(), BYTES));
      assertThat(target.count(Counter.TLS_CONNECTIONS_REFUSED)).isZero();
    }
  }

  @Test
  void anEngineWithTlsSaysThatAPeerHasNone() {
    try (TestEngine _ = engine("target", TlsRecordTest::plain);
        TestEngine initiator = engine("initiator", TlsRecordTest::secure)) {
      isRefused(initiator, "it speaks without TLS", "TE_TLS_PLAIN_PEERS");
      assertThat(log.count("Refused target: our connection to it: it speaks without TLS"))
          .isEqualTo(1);
      assertThat(initiator.count(Counter.TLS_PEERS_REFUSED)).isEqualTo(1);
    }
  }

  @Test
  void aPeerThatWeListAsPlainAndIsNotIsSaid() {
    try (TestEngine _ = engine("target", TlsRecordTest::secure);
        TestEngine initiator = engine("initiator", except("127.0.0.1"))) {
      isRefused(initiator, "its address is in TE_TLS_PLAIN_PEERS here", "out of that list");
    }
  }

  /** What connects today must not be refused by what a record says. */
  @Test
  void whoIsListedAsPlainIsServed() {
    try (TestEngine target = engine("target", except("127.0.0.1"));
        TestEngine plain = engine("plain", TlsRecordTest::plain);
        TestEngine listing = engine("listing", except("127.0.0.1"))) {
      moves(plain, target);
      moves(listing, target);
    }
    try (TestEngine target = engine("target", TlsRecordTest::plain);
        TestEngine listing = engine("listing", except("127.0.0.0/8"))) {
      moves(listing, target);
    }
  }

  @Test
  void aValueOfALaterFormSaysNothing() {
    try (TestEngine target = engine("target", TlsRecordTest::secure);
        TestEngine same = engine("same", TlsRecordTest::secure);
        TestEngine plain = engine("plain", TlsRecordTest::plain)) {
      say("target", 7);
      moves(same, target);
      TestEngine.assertFailed(plain.submit(Operation.READ, "target", target.address(), BYTES));
    }
  }

  /**
   * Whoever writes records can refuse a peer so, as by deleting it. TLS is asked for all the same.
   */
  @Test
  void aRecordThatLiesTakesNothingAway() {
    try (TestEngine target = engine("target", TlsRecordTest::plain);
        TestEngine secure = engine("secure", TlsRecordTest::secure);
        TestEngine plain = engine("plain", TlsRecordTest::plain)) {
      for (int said : new int[] {SegmentDescriptor.TLS_ALL, SegmentDescriptor.TLS_MOST, 7}) {
        say("target", said);
        TestEngine.assertFailed(secure.submit(Operation.WRITE, "target", target.address(), BYTES));
      }
      assertThat(target.bytes(0, BYTES)).containsOnly(0);
      say("target", SegmentDescriptor.TLS_ALL);
      isRefused(plain, "it wants TLS");
    }
    try (TestEngine _ = engine("target", TlsRecordTest::secure);
        TestEngine secure = engine("initiator", TlsRecordTest::secure)) {
      say("target", SegmentDescriptor.TLS_NOBODY);
      isRefused(secure, "it speaks without TLS"); // And is not spoken to without.
    }
  }
}
