// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.assertCompleted;
import static io.transferengine.TestEngine.assertFailed;
import static io.transferengine.TestEngine.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.cli.bench.FreePorts;
import io.transferengine.config.Settings;
import io.transferengine.engine.MetadataStores;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.testkit.LogCapture;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.MetadataCodec;
import io.transferengine.wire.MetadataKeys;
import io.transferengine.wire.RpcMetaRecord;
import io.transferengine.wire.SegmentDescriptor;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What engines do with records in a metadata service, whichever it is; this one is in the JVM. */
@Timeout(120)
class StoredModeTest {
  private static final Duration TIME = Duration.ofSeconds(10);
  private static final AtomicInteger SERVICES = new AtomicInteger();

  private final String server = "memory://stored-mode-" + SERVICES.incrementAndGet();
  private final MetadataKeys keys = MetadataKeys.ofCluster("");
  private MetadataStore store;

  @BeforeEach
  void openStore() {
    store = MetadataStores.open(server, Settings.fromMap(java.util.Map.of())).orElseThrow();
  }

  @AfterEach
  void closeStore() {
    store.close();
  }

  private Engine open(String name, UnaryOperator<EngineConfig.Builder> options) {
    return Engine.open(options.apply(EngineConfigs.named(name, server)).build());
  }

  private Engine open(String name) {
    return open(name, builder -> builder);
  }

  /** An engine that is found by its address, for transfers to stored names. */
  private TestEngine initiator(String name) {
    return new TestEngine(4096, builder -> EngineConfigs.named(name, server));
  }

  private void put(String key, String value) {
    put(key, value.getBytes(StandardCharsets.UTF_8));
  }

  private void put(String key, byte[] value) {
    assertThat(store.replace(key, store.get(key, TIME), value, TIME)).isTrue();
  }

  private SegmentDescriptor descriptor(String name) {
    return MetadataCodec.decodeSegment(store.get(keys.segment(name), TIME).orElseThrow())
        .orElseThrow();
  }

  private RpcMetaRecord rpcMeta(String name) {
    return MetadataCodec.decodeRpcMeta(store.get(keys.rpcMeta(name), TIME).orElseThrow());
  }

  @Test
  void recordsSayWhoAndWhereWeAreAndAreGoneAfterClosing() {
    try (Engine engine = open("node-a:12345")) {
      assertThat(engine.segmentName()).isEqualTo("node-a:12345");
      long version = rpcMeta("node-a:12345").metadataVersion();
      assertThat(rpcMeta("node-a:12345"))
          .isEqualTo(new RpcMetaRecord("127.0.0.1", engine.rpcPort(), version));
      assertThat(version).isPositive();
      assertThat(descriptor("node-a:12345").buffers()).isEmpty();
      assertThat(descriptor("node-a:12345").incarnation()).isPresent();
      try (Allocation block = engine.allocate(8192)) {
        assertThat(descriptor("node-a:12345").buffers().getFirst().address())
            .isEqualTo(block.address());
      }
      eventually("forgotten", () -> descriptor("node-a:12345").buffers().isEmpty());
      assertThat(descriptor("node-a:12345").metadataVersion()).isGreaterThan(version);
      byte[] text = store.get(keys.segment("node-a:12345"), TIME).orElseThrow();
      assertThat(text[text.length - 1]).isEqualTo((byte) '\n');
    }
    assertThat(store.get(keys.segment("node-a:12345"), TIME)).isEmpty();
    assertThat(store.get(keys.rpcMeta("node-a:12345"), TIME)).isEmpty();
  }

  @Test
  void clustersDoNotSeeOneAnother() {
    try (Engine one = open("a", builder -> builder.metadataClusterId("one"));
        Engine two = open("b", builder -> builder.metadataClusterId("two/"))) {
      assertThat(store.keys("mooncake/", 10, TIME))
          .containsExactlyInAnyOrder(
              "mooncake/one/ram/a",
              "mooncake/one/rpc_meta/a",
              "mooncake/two/ram/b",
              "mooncake/two/rpc_meta/b");
      assertThatThrownBy(() -> one.openSegment("b"))
          .isInstanceOf(TransferException.class)
          .hasMessageContaining("mooncake/one/ram/b");
      assertThat(two.openSegment("b").buffers()).isEmpty();
    }
  }

  @Test
  void theLegacyModeTakesThePortOfTheName() throws IOException {
    int port = FreePorts.next();
    try (Engine engine = open("127.0.0.1:" + port, builder -> builder.legacyRpcPortBinding(true))) {
      assertThat(engine.rpcPort()).isEqualTo(port);
      assertThat(rpcMeta("127.0.0.1:" + port).host()).isEqualTo("127.0.0.1");
      assertThat(rpcMeta("127.0.0.1:" + port).port()).isEqualTo(port);
    }
  }

  @Test
  void aLiveOwnersNameIsRefusedAndItsRecordsStay() {
    try (Engine owner = open("a")) {
      byte[] before = store.get(keys.segment("a"), TIME).orElseThrow();
      assertThatThrownBy(() -> open("a"))
          .isInstanceOf(TransferException.class)
          .hasMessageContainingAll(
              "\"a\" belongs to another engine",
              "127.0.0.1:" + owner.rpcPort(),
              "mooncake/rpc_meta/a",
              "Choose another name");
      assertThat(store.get(keys.segment("a"), TIME).orElseThrow()).isEqualTo(before);
      assertThat(rpcMeta("a").port()).isEqualTo(owner.rpcPort());
    }
  }

  @Test
  void anOldEnginesNameIsRefusedTooAlthoughItDoesNotKnowProbe() throws IOException {
    try (ServerSocket old = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
      Thread.ofVirtual()
          .start(
              () -> {
                try {
                  while (true) {
                    old.accept().close();
                  }
                } catch (IOException e) {
                  // The test is over.
                }
              });
      put(
          keys.rpcMeta("a"),
          MetadataCodec.encode(new RpcMetaRecord("127.0.0.1", old.getLocalPort())));
      assertThatThrownBy(() -> open("a"))
          .isInstanceOf(TransferException.class)
          .hasMessageContaining("belongs to another engine");
    }
  }

  @Test
  void aDeadOwnersRecordsAreReplacedAndItsBuffersForgotten() throws IOException {
    int dead = FreePorts.next();
    put(keys.rpcMeta("a"), MetadataCodec.encode(new RpcMetaRecord("127.0.0.1", dead)));
    put(
        keys.segment("a"),
        "{\"buffers\":[{\"addr\":4096,\"length\":10,\"name\":\"a\"}],\"name\":\"a\",\"protocol\":\"tcp\",\"tcp_data_port\":1,\"tcp_proto_version\":2,\"timestamp\":\"\"}\n");
    try (Engine engine = open("a")) {
      assertThat(rpcMeta("a").port()).isEqualTo(engine.rpcPort());
      assertThat(descriptor("a").buffers()).isEmpty();
    }
  }

  @Test
  void aRecordThatLeadsToOurselvesIsOurPredecessors() throws IOException {
    int port = FreePorts.next();
    put(keys.rpcMeta("a"), MetadataCodec.encode(new RpcMetaRecord("localhost", port)));
    try (Engine engine = open("a", builder -> builder.rpcPort(port))) {
      assertThat(rpcMeta("a").host()).isEqualTo("127.0.0.1");
      assertThat(rpcMeta("a").port()).isEqualTo(engine.rpcPort());
    }
  }

  @Test
  void aRecordThatLeadsToAnEngineOfAnotherNameIsStale() {
    try (Engine other = open("b")) {
      put(keys.rpcMeta("a"), MetadataCodec.encode(new RpcMetaRecord("127.0.0.1", other.rpcPort())));
      try (Engine engine = open("a")) {
        assertThat(rpcMeta("a").port()).isEqualTo(engine.rpcPort());
      }
    }
  }

  @Test
  void aRecordThatNobodyCanReadDoesNotKeepUsFromStarting() {
    put(keys.rpcMeta("a"), "garbage");
    put(keys.segment("a"), "");
    try (Engine engine = open("a")) {
      assertThat(rpcMeta("a").port()).isEqualTo(engine.rpcPort());
    }
  }

  @Test
  void recordsThatAreLostAreWrittenAgainAndThoseOfOthersLeftAlone() {
    try (LogCapture log = new LogCapture();
        Engine engine = open("a", builder -> builder.metadataTtlSeconds(5))) {
      byte[] rpc = store.get(keys.rpcMeta("a"), TIME).orElseThrow();
      store.remove(keys.rpcMeta("a"), rpc, TIME);
      store.remove(keys.segment("a"), store.get(keys.segment("a"), TIME).orElseThrow(), TIME);
      eventually("both again", () -> store.get(keys.segment("a"), TIME).isPresent());
      assertThat(rpcMeta("a").port()).isEqualTo(engine.rpcPort());
      assertThat(log.warnings()).isEmpty();
      try (Engine thief = open("thief")) {
        // Somebody with the same name elsewhere, as C++ engines write it: without asking.
        put(
            keys.rpcMeta("a"),
            MetadataCodec.encode(new RpcMetaRecord("127.0.0.1", thief.rpcPort())));
        // That engine says that its name is another one, so the name is ours again.
        eventually("ours again", () -> rpcMeta("a").port() == engine.rpcPort());
        // Said once it is written.
        eventually("said", () -> !log.warnings().isEmpty());
        assertThat(log.warnings())
            .singleElement()
            .asString()
            .contains("127.0.0.1:" + thief.rpcPort(), "wrote over our record mooncake/rpc_meta/a");
      }
    }
  }

  @Test
  void aRecordThatACppEngineWroteOverOursIsPutBackAlthoughItLives() throws IOException {
    try (LogCapture log = new LogCapture();
        ServerSocket cpp = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
        Engine engine = open("a", builder -> builder.metadataTtlSeconds(2))) {
      // It accepts connections and says no name, as C++ engines with a service do.
      Thread.ofVirtual()
          .start(
              () -> {
                try {
                  while (true) {
                    cpp.accept().close();
                  }
                } catch (IOException e) {
                  // The test is over.
                }
              });
      for (int i = 0; i < 2; i++) {
        put(
            keys.rpcMeta("a"),
            MetadataCodec.encode(new RpcMetaRecord("127.0.0.1", cpp.getLocalPort())));
        eventually("ours again", () -> rpcMeta("a").port() == engine.rpcPort());
      }
      // And when it ends it removes what it takes for its own.
      store.remove(keys.rpcMeta("a"), store.get(keys.rpcMeta("a"), TIME).orElseThrow(), TIME);
      eventually("there again", () -> store.get(keys.rpcMeta("a"), TIME).isPresent());
      assertThat(log.warnings())
          .singleElement()
          .asString()
          .contains("127.0.0.1:" + cpp.getLocalPort(), "Give each engine its own name");
    }
  }

  @Test
  void aRestartedPeerIsReachedByTheNextTransfer() {
    try (TestEngine initiator = initiator("i")) {
      Engine peer = open("peer");
      Allocation block = peer.allocate(4096);
      assertCompleted(initiator.submit(Operation.WRITE, "peer", block.address(), 4096));
      peer.close();
      try (Engine again = open("peer");
          Allocation other = again.allocate(4096)) {
        assertCompleted(initiator.submit(Operation.WRITE, "peer", other.address(), 4096));
        initiator.engine.probe("peer");
        initiator.engine.sendNotify("peer", new TransferNotify("a", "b"));
        assertThat(again.takeNotifies()).containsExactly(new TransferNotify("a", "b"));
      }
    }
  }

  @Test
  void aChangedRecordIsFetchedAnew() {
    try (TestEngine initiator = initiator("i");
        Engine peer = open("peer")) {
      assertThat(initiator.engine.openSegment("peer").buffers()).isEmpty();
      try (Allocation block = peer.allocate(4096)) {
        // The watch tells; nothing else would.
        eventually("seen", () -> !initiator.engine.openSegment("peer").buffers().isEmpty());
        assertThat(initiator.engine.openSegment("peer").buffers().getFirst().address())
            .isEqualTo(block.address());
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "ram      | garbage                                                      | JSON",
        "ram      | []                                                           | must be an"
            + " object",
        "ram      | null                                                         | null",
        "ram      | {}                                                           | protocols []",
        "ram      | {'name':7,'protocol':'tcp'}                                  | \"name\" must be"
            + " a string",
        "ram      | {'protocol':'tcp','tcp_data_port':1}                         | name is empty",
        "ram      | {'name':'','protocol':'tcp','tcp_data_port':1}               | name is empty",
        "ram      | {'name':'p','protocol':7}                                    | \"protocol\""
            + " must be a string",
        "ram      | {'name':'p'}                                                 | protocols []",
        "ram      | {'name':'p','protocol':'cxl'}                                | protocols [cxl]",
        "ram      | {'name':'p','protocol':'tcp','tcp_data_port':-1}             |"
            + " \"tcp_data_port\" must be",
        "ram      | {'name':'p','protocol':'tcp','tcp_data_port':65536}          |"
            + " \"tcp_data_port\" must be",
        "ram      | {'name':'p','protocol':'tcp','tcp_data_port':'1'}            |"
            + " \"tcp_data_port\" must be",
        "ram      | {'name':'p','protocol':'tcp','tcp_proto_version':-2}         |"
            + " \"tcp_proto_version\" must be",
        "ram      | {'name':'p','protocol':'tcp','timestamp':7}                  | \"timestamp\""
            + " must be",
        "ram      | {'name':'p','protocol':'tcp','buffers':7}                    | \"buffers\" must"
            + " be",
        "ram      | {'name':'p','protocol':'tcp','buffers':[{}]}                 | buffers[0] has"
            + " an empty name",
        "ram      | {'name':'p','protocol':'tcp','buffers':[{'name':'p','addr':0,'length':1}]} |"
            + " buffers[0] has address 0",
        "ram      | {'name':'p','protocol':'tcp','buffers':[{'name':'p','addr':1,'length':0}]} |"
            + " buffers[0] has length 0",
        "ram      | {'name':'p','protocol':'tcp','buffers':[{'name':'p','addr':-1,'length':1}]} |"
            + " addr\" must be",
        "ram      |"
            + " {'name':'p','protocol':'tcp','buffers':[{'name':'p','addr':1,'length':99999999999999999999}]}"
            + " | length\" must be",
        "ram      | {'name':'no such','protocol':'tcp','tcp_data_port':1}        | no such",
        "ram      | {'name':'nobody','protocol':'tcp','tcp_data_port':1}         | rpc_meta/nobody",
        "rpc_meta | garbage                                                      | JSON",
        "rpc_meta | []                                                           | must be an"
            + " object",
        "rpc_meta | {}                                                           | ip_or_host_name",
        "rpc_meta | {'rpc_port':1}                                               | ip_or_host_name",
        "rpc_meta | {'ip_or_host_name':7,'rpc_port':1}                           |"
            + " \"ip_or_host_name\" must be",
        "rpc_meta | {'ip_or_host_name':'h'}                                      | rpc_port",
        "rpc_meta | {'ip_or_host_name':'h','rpc_port':0}                         | rpc_port",
        "rpc_meta | {'ip_or_host_name':'h','rpc_port':-1}                        | \"rpc_port\""
            + " must be",
        "rpc_meta | {'ip_or_host_name':'h','rpc_port':70000}                     | \"rpc_port\""
            + " must be",
        "rpc_meta | {'ip_or_host_name':'h','rpc_port':'1'}                       | \"rpc_port\""
            + " must be",
        "rpc_meta | {'ip_or_host_name':'a b','rpc_port':1}                       | a b",
      })
  void aBrokenRecordIsNamedWithItsFieldAndNothingIsRemembered(
      String kind, String record, String named) {
    try (TestEngine initiator = initiator("i");
        Engine peer = open("p");
        Allocation block = peer.allocate(4096)) {
      String key = kind.equals("ram") ? keys.segment("p") : keys.rpcMeta("p");
      byte[] good = store.get(key, TIME).orElseThrow();
      put(key, record.replace('\'', '"'));
      Transfer transfer = initiator.submit(Operation.WRITE, "p", block.address(), 4096);
      assertFailed(transfer);
      assertThat(transfer.failure().orElseThrow()).hasMessageContaining(named);
      if (!named.contains("obody") && !named.contains("no such")) {
        assertThat(transfer.failure().orElseThrow()).hasMessageContaining(key);
      }
      put(key, good);
      assertCompleted(initiator.submit(Operation.WRITE, "p", block.address(), 4096));
    }
  }

  @Test
  void aMissingPeerIsNamedWithItsKeyAndTheService() {
    try (TestEngine initiator = initiator("i")) {
      Transfer transfer = initiator.submit(Operation.WRITE, "nobody", 0x1000, 16);
      assertFailed(transfer);
      assertThat(transfer.failure().orElseThrow())
          .hasMessageContainingAll("nobody", "mooncake/ram/nobody", server);
    }
  }

  @Test
  void aDescriptorWithoutADataPortMeansTheNextPort() {
    put(keys.rpcMeta("old"), "{\"ip_or_host_name\":\"127.0.0.1\",\"rpc_port\":1}");
    put(keys.segment("old"), "{\"name\":\"old\",\"protocol\":\"tcp\",\"buffers\":[]}");
    try (Engine engine = open("i")) {
      assertThat(engine.openSegment("old").buffers()).isEmpty();
      assertThat(engine.core().describe("old").tcpDataPort()).isEqualTo(2);
    }
  }

  @Test
  void closingIsNotHeldUpAndOurRecordsAreTheOnlyOnesThatGo() {
    Optional<byte[]> others;
    try (Engine other = open("b")) {
      open("a").close();
      others = store.get(keys.segment("b"), TIME);
      assertThat(other.openSegment("b").buffers()).isEmpty();
    }
    assertThat(others).isPresent();
  }
}
