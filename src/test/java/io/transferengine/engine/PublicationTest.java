// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.config.Settings;
import io.transferengine.handshake.FrameCodec;
import io.transferengine.handshake.HandshakeClient;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.MetadataCodec;
import io.transferengine.wire.MetadataKeys;
import io.transferengine.wire.RpcMetaRecord;
import io.transferengine.wire.SegmentDescriptor;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The versions and the number of our publications, with a clock and a service of the test's. */
@Timeout(60)
class PublicationTest {
  private static final Duration TIME = Duration.ofSeconds(10);
  private static final AtomicInteger SERVICES = new AtomicInteger();

  private final MetadataKeys keys = MetadataKeys.ofCluster("");
  private final MetadataStore store =
      MetadataStores.open(
              "memory://publication-" + SERVICES.incrementAndGet(), Settings.fromMap(Map.of()))
          .orElseThrow();
  private final AtomicLong clock = new AtomicLong(1_790_000_000_000_000L);
  private final AtomicReference<SegmentDescriptor> own = new AtomicReference<>(withBuffers(0));
  private final HandshakeClient client =
      new HandshakeClient(Duration.ofMillis(300), FrameCodec.MAX_LENGTH_DEFAULT_BYTES);

  @AfterEach
  void close() {
    client.close();
    store.close();
  }

  private static SegmentDescriptor withBuffers(int count) {
    List<BufferDescriptor> buffers = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      buffers.add(new BufferDescriptor("a", 4096L * (i + 1), 4096));
    }
    return SegmentDescriptor.builder("a", "tcp").tcpDataPort(1).buffers(buffers).build();
  }

  private OwnRecords records(MetadataStore service) {
    return new OwnRecords(
        service,
        keys,
        "a",
        new RpcMetaRecord("127.0.0.1", 1),
        new NameOwner(client, this::own),
        () -> Optional.of(own()),
        clock::get);
  }

  private SegmentDescriptor own() {
    return Objects.requireNonNull(own.get());
  }

  private static long soon() {
    return System.nanoTime() + TIME.toNanos();
  }

  private long rpcMetaVersion() {
    return MetadataCodec.decodeRpcMeta(store.get(keys.rpcMeta("a"), TIME).orElseThrow())
        .metadataVersion();
  }

  private SegmentDescriptor descriptor() {
    return MetadataCodec.decodeSegment(store.get(keys.segment("a"), TIME).orElseThrow())
        .orElseThrow();
  }

  private long revision() {
    return store.read(keys.rpcMeta("a"), TIME).orElseThrow().revision();
  }

  @Test
  void versionsAreMicrosecondsAndGrowWithEachRegistrationThoughTheClockJumpsBack() {
    OwnRecords records = records(store);
    records.settle(soon());
    long first = descriptor().metadataVersion();
    assertThat(rpcMetaVersion()).isEqualTo(1_790_000_000_000_000L);
    assertThat(first).isGreaterThan(rpcMetaVersion()).isLessThan(1_790_000_000_000_010L);
    clock.addAndGet(-3_600_000_000L);
    for (int i = 1; i <= 10; i++) {
      own.set(withBuffers(i));
      records.settle(soon());
      assertThat(descriptor().buffers()).hasSize(i);
      assertThat(descriptor().metadataVersion()).isEqualTo(first + i);
    }
    clock.addAndGet(7_200_000_000L);
    own.set(withBuffers(1));
    records.settle(soon());
    assertThat(descriptor().metadataVersion()).isEqualTo(clock.get());
    // The same content is not written again, so that one version has one content.
    long revision = revision();
    records.settle(soon());
    assertThat(revision()).isEqualTo(revision);
  }

  @Test
  void anEngineUnderTheSameNameGoesOnFromTheVersionsThatItFinds() {
    OwnRecords predecessor = records(store);
    predecessor.settle(soon());
    own.set(withBuffers(3));
    predecessor.settle(soon());
    long last = descriptor().metadataVersion();
    clock.addAndGet(-3_600_000_000L);
    own.set(withBuffers(0));
    records(store).settle(soon());
    assertThat(rpcMetaVersion()).isGreaterThan(1_790_000_000_000_000L);
    assertThat(descriptor().metadataVersion()).isGreaterThan(last);
  }

  @Test
  void recordsThatAreWrittenOverComeBackWithANewerVersion() {
    OwnRecords records = records(store);
    records.settle(soon());
    byte[] foreign =
        MetadataCodec.encode(new RpcMetaRecord("127.0.0.1", 2, 1_890_000_000_000_000L));
    assertThat(store.replace(keys.rpcMeta("a"), store.get(keys.rpcMeta("a"), TIME), foreign, TIME))
        .isTrue();
    records.settle(soon());
    assertThat(rpcMetaVersion()).isEqualTo(1_890_000_000_000_001L);
  }

  @Test
  void aStoreThatKeepsNothingIsNotTakenForAnotherEngine() {
    MetadataStore forgetful = new Forgetful(store);
    assertThatThrownBy(() -> records(forgetful).settle(soon()))
        .isInstanceOf(TransferException.class)
        .hasMessageContainingAll("mooncake/rpc_meta/a", "still gives nothing", "check its address")
        .hasMessageNotContaining("its own name");
  }

  @Test
  void changesThatNobodyWaitsForShareAPublicationAndABatchIsOne() {
    try (Publication publication = new Publication(records(store), 600)) {
      publication.start(false);
      long before = revision();
      for (int i = 1; i <= 2000; i++) {
        own.set(withBuffers(i));
        publication.changed();
      }
      publication.awaitPublished();
      assertThat(descriptor().buffers()).hasSize(2000);
      long afterBatch = revision();
      assertThat(afterBatch - before).isBetween(1L, 5L);
      for (int i = 1999; i >= 0; i--) {
        own.set(withBuffers(i));
        publication.changed();
      }
      Awaitility.await().until(() -> descriptor().buffers().isEmpty());
      assertThat(revision() - afterBatch).isBetween(1L, 5L);
    }
  }

  @Test
  void whoWaitsIsNotHeldUpByTheCollecting() {
    try (Publication publication = new Publication(records(store), 600)) {
      publication.start(false);
      for (int i = 1; i <= 20; i++) {
        own.set(withBuffers(i));
        publication.changed();
        publication.awaitPublished();
        assertThat(descriptor().buffers()).hasSize(i);
      }
    }
  }

  /** On a busy machine the classes of jetcd took all the time that the service had. */
  @Test
  void theTimeThatAClientNeedsToGetReadyIsNotTheServices() {
    try (Publication publication = new Publication(records(slowToGetReady()), 600)) {
      publication.start(false);
      assertThat(rpcMetaVersion()).isPositive();
    }
  }

  /** Else the pauses of an engine whose own trouble is over cost it its records. */
  @Test
  void noPauseIsLongerThanTheTimeBetweenRenewals() {
    assertThat(IntStream.of(1, 2, 3, 16).mapToLong(i -> Publication.backOffMillis(i, 666)))
        .containsExactly(200L, 400L, 666L, 666L);
    assertThat(IntStream.of(1, 3, 16).mapToLong(i -> Publication.backOffMillis(i, 20_000)))
        .containsExactly(200L, 800L, 3000L);
  }

  /** Else one lost question costs the records: they expire while nobody answers it. */
  @Test
  void aQuestionWithoutAnAnswerLeavesTimeForAnother() throws InterruptedException {
    BlockingQueue<Duration> given = new LinkedBlockingQueue<>();
    try (Publication publication = new Publication(records(silentOnce(given)), 2)) {
      publication.start(false);
      assertThat(given.take()).isLessThan(Duration.ofSeconds(1));
      // A service may be slow.
      assertThat(given.take()).isGreaterThan(Duration.ofSeconds(2));
    }
  }

  /** The store, which does not answer the first time that it is asked to keep a record. */
  private MetadataStore silentOnce(BlockingQueue<Duration> given) {
    AtomicBoolean asked = new AtomicBoolean();
    return (MetadataStore)
        Proxy.newProxyInstance(
            MetadataStore.class.getClassLoader(),
            new Class<?>[] {MetadataStore.class},
            (_, method, arguments) -> {
              if (method.getName().equals("keep")) {
                boolean first = asked.compareAndSet(false, true);
                given.add((Duration) arguments[2]);
                if (first) {
                  throw MetadataStore.unavailable(
                      "the store", "no answer", new IOException("in time"));
                }
              }
              return method.invoke(store, arguments);
            });
  }

  /** The store, whose client needs longer to get ready than a start has for all of its calls. */
  private MetadataStore slowToGetReady() {
    return (MetadataStore)
        Proxy.newProxyInstance(
            MetadataStore.class.getClassLoader(),
            new Class<?>[] {MetadataStore.class},
            (_, method, arguments) -> {
              if (method.getName().equals("prepare")) {
                Thread.sleep(Publication.START_TIMEOUT.plusMillis(1));
                return null;
              }
              Object last = arguments == null ? "" : arguments[arguments.length - 1];
              if (last instanceof Duration timeout && timeout.toMillis() == 0) {
                throw MetadataStore.unavailable(
                    "the store", "no answer", new IOException("in time"));
              }
              return method.invoke(store, arguments);
            });
  }

  /** Answers that all is well, and keeps nothing. */
  private record Forgetful(MetadataStore store) implements MetadataStore {
    @Override
    public String description() {
      return "a forgetful service";
    }

    @Override
    public boolean endsWithNewline() {
      return true;
    }

    @Override
    public Optional<byte[]> get(String key, Duration timeout) {
      return Optional.empty();
    }

    @Override
    public boolean replace(String key, Optional<byte[]> expected, byte[] value, Duration timeout) {
      return false;
    }

    @Override
    public boolean keep(String key, byte[] value, Duration timeout) {
      return false;
    }

    @Override
    public boolean remove(String key, byte[] expected, Duration timeout) {
      return false;
    }

    @Override
    public List<String> keys(String prefix, int limit, Duration timeout) {
      return List.of();
    }

    @Override
    public void close() {}
  }
}
