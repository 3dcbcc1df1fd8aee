// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.config.Settings;
import io.transferengine.engine.MetadataStores;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.metadata.spi.MetadataStoreProvider;
import io.transferengine.testkit.DocumentedProject;
import io.transferengine.testkit.services.EtcdService;
import io.transferengine.testkit.services.ForeignHttpService;
import io.transferengine.testkit.services.OwnHttpService;
import io.transferengine.testkit.services.RedisService;
import io.transferengine.testkit.services.TestService;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The contract of {@link MetadataStore}, and each service that there is. */
@Timeout(180)
class MetadataStoreTest {
  private static final Duration TIME = Duration.ofSeconds(20);

  /** One service for all tests of a kind; each test has keys of its own. */
  @TestInstance(TestInstance.Lifecycle.PER_CLASS)
  @Timeout(180)
  abstract static class Contract {
    private TestService service;
    private MetadataStore store;
    private String prefix;
    private int tests;

    abstract TestService start();

    boolean expires() {
      return true;
    }

    boolean lists() {
      return true;
    }

    boolean watches() {
      return false;
    }

    MetadataStore open() {
      Map<String, String> environment = new HashMap<>(service.environment());
      environment.put("TE_METADATA_TTL_SECONDS", "2");
      return open(service.connectionString(), Settings.fromMap(environment));
    }

    MetadataStore open(String server, Settings settings) {
      return MetadataStores.open(server, settings).orElseThrow();
    }

    @BeforeAll
    void startService() {
      service = start();
    }

    @AfterAll
    void stopService() {
      service.close();
    }

    @BeforeEach
    void openStore() {
      store = open();
      prefix = "mooncake/test-" + tests++ + "/";
    }

    @AfterEach
    void closeStore() {
      store.close();
    }

    private String key(String name) {
      return prefix + name;
    }

    private static byte[] bytes(String text) {
      return text.getBytes(StandardCharsets.UTF_8);
    }

    private static Optional<byte[]> some(String text) {
      return Optional.of(bytes(text));
    }

    @Test
    void whatIsWrittenIsRead() {
      String key = key("rpc_meta/[::1]:12 3*~ü");
      assertThat(store.get(key, TIME)).isEmpty();
      assertThat(store.replace(key, Optional.empty(), bytes("{\"a\":1}\n"), TIME)).isTrue();
      assertThat(store.get(key, TIME))
          .hasValueSatisfying(v -> assertThat(v).isEqualTo(bytes("{\"a\":1}\n")));
      assertThat(store.get(key + "x", TIME)).isEmpty();
    }

    @Test
    void aLargeValueIsKeptWhole() {
      byte[] large = new byte[1 << 20];
      for (int i = 0; i < large.length; i++) {
        large[i] = (byte) ('a' + i % 23);
      }
      String key = key("ram/large");
      assertThat(store.replace(key, Optional.empty(), large, TIME)).isTrue();
      assertThat(store.get(key, TIME).orElseThrow()).isEqualTo(large);
      assertThat(store.keep(key, large, TIME)).isTrue();
    }

    @Test
    void onlyWhatIsExpectedIsReplaced() {
      for (String name : List.of("ram/a", "rpc_meta/a")) {
        String key = key(name);
        assertThat(store.replace(key, some("0"), bytes("1"), TIME)).isFalse();
        assertThat(store.replace(key, Optional.empty(), bytes("1"), TIME)).isTrue();
        assertThat(store.replace(key, Optional.empty(), bytes("2"), TIME)).isFalse();
        assertThat(store.replace(key, some("0"), bytes("2"), TIME)).isFalse();
        assertThat(store.get(key, TIME).orElseThrow()).isEqualTo(bytes("1"));
        assertThat(store.replace(key, some("1"), bytes("2"), TIME)).isTrue();
        assertThat(store.get(key, TIME).orElseThrow()).isEqualTo(bytes("2"));
      }
    }

    @Test
    void onlyWhatIsExpectedIsRemoved() {
      String key = key("rpc_meta/a");
      assertThat(store.remove(key, bytes("1"), TIME)).isFalse();
      store.replace(key, Optional.empty(), bytes("1"), TIME);
      assertThat(store.remove(key, bytes("2"), TIME)).isFalse();
      assertThat(store.get(key, TIME)).isPresent();
      assertThat(store.remove(key, bytes("1"), TIME)).isTrue();
      assertThat(store.get(key, TIME)).isEmpty();
    }

    @Test
    void onlyWhatIsOursIsKept() {
      String key = key("ram/a");
      assertThat(store.keep(key, bytes("1"), TIME)).isFalse();
      store.replace(key, Optional.empty(), bytes("1"), TIME);
      assertThat(store.keep(key, bytes("1"), TIME)).isTrue();
      try (MetadataStore other = open()) {
        assertThat(other.replace(key, some("1"), bytes("other"), TIME)).isTrue();
        assertThat(store.keep(key, bytes("1"), TIME)).isFalse();
        assertThat(store.get(key, TIME).orElseThrow()).isEqualTo(bytes("other"));
      }
    }

    @Test
    void ofManyThatReplaceTheSameOneSucceeds() throws Exception {
      if (this instanceof ForeignHttp) {
        return; // Two can pass there, as documented.
      }
      String key = key("rpc_meta/a");
      store.replace(key, Optional.empty(), bytes("0"), TIME);
      try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
        List<Callable<Boolean>> attempts = new ArrayList<>();
        for (int i = 1; i <= 8; i++) {
          byte[] mine = bytes("mine " + i);
          attempts.add(() -> store.replace(key, some("0"), mine, TIME));
        }
        int succeeded = 0;
        for (Future<Boolean> attempt : threads.invokeAll(attempts)) {
          succeeded += attempt.get() ? 1 : 0;
        }
        assertThat(succeeded).isOne();
      }
    }

    @Test
    void whatIsNotKeptVanishesAndWhatIsKeptStays() throws Exception {
      if (!expires()) {
        return;
      }
      String kept = key("ram/kept");
      String left = key("ram/left");
      store.replace(kept, Optional.empty(), bytes("1"), TIME);
      try (MetadataStore crashed = open()) {
        crashed.replace(left, Optional.empty(), bytes("1"), TIME);
        long endNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (store.get(left, TIME).isPresent() && System.nanoTime() < endNanos) {
          assertThat(store.keep(kept, bytes("1"), TIME)).isTrue();
          Thread.sleep(200);
        }
        assertThat(store.get(left, TIME)).isEmpty();
        assertThat(store.get(kept, TIME)).isPresent();
        assertThat(crashed.keep(left, bytes("1"), TIME)).isFalse();
        assertThat(crashed.replace(left, Optional.empty(), bytes("2"), TIME)).isTrue();
        assertThat(crashed.keep(left, bytes("2"), TIME)).isTrue();
      }
    }

    @Test
    void keysAreListedOrTheReasonWhyNot() {
      if (!lists()) {
        assertThatThrownBy(() -> store.keys(prefix, 10, TIME))
            .isInstanceOf(TransferException.class)
            .hasMessageContaining("cannot list");
        return;
      }
      for (String name : List.of("rpc_meta/a*", "rpc_meta/b:1", "ram/a")) {
        store.replace(key(name), Optional.empty(), bytes("1"), TIME);
      }
      assertThat(store.keys(key("rpc_meta/"), 10, TIME))
          .containsExactlyInAnyOrder(key("rpc_meta/a*"), key("rpc_meta/b:1"));
      assertThat(store.keys(key("rpc_meta/"), 1, TIME)).hasSize(1);
      assertThat(store.keys(key("rpc_meta/a?"), 10, TIME)).isEmpty();
    }

    @Test
    void changesAfterAReadingAreToldAndNoEarlierOnes() throws Exception {
      String key = key("ram/a");
      store.replace(key, Optional.empty(), bytes("0"), TIME);
      long early = store.read(key, TIME).orElseThrow().revision();
      store.replace(key, some("0"), bytes("1"), TIME);
      long revision = store.read(key, TIME).orElseThrow().revision();
      CountDownLatch told = new CountDownLatch(1);
      Optional<MetadataStore.Watch> watch = store.watch(key, revision, told::countDown);
      assertThat(watch.isPresent()).isEqualTo(watches());
      if (watch.isEmpty()) {
        return;
      }
      CountDownLatch closed = new CountDownLatch(1);
      store.watch(key, revision, closed::countDown).orElseThrow().close();
      CountDownLatch late = new CountDownLatch(1);
      assertThat(store.watch(key, early, late::countDown)).isPresent();
      assertThat(late.await(30, TimeUnit.SECONDS)).isTrue();
      assertThat(told.getCount()).isOne();
      try (MetadataStore other = open()) {
        assertThat(other.replace(key, some("1"), bytes("2"), TIME)).isTrue();
        assertThat(told.await(30, TimeUnit.SECONDS)).isTrue();
      }
      assertThat(closed.getCount()).isOne();
    }

    @Test
    void afterClosingEveryCallFails() {
      store.close();
      assertThatThrownBy(() -> store.get(key("ram/a"), TIME)).isInstanceOf(TransferException.class);
      store.close();
    }
  }

  /** Where the client is all that there is. */
  private record NoService(String connectionString) implements TestService {
    @Override
    public void kill() {}

    @Override
    public void restart() {}

    @Override
    public void close() {}
  }

  /** In this JVM. */
  @Nested
  class InMemory extends Contract {
    @Override
    TestService start() {
      return new NoService("memory://contract");
    }

    @Override
    boolean watches() {
      return true;
    }
  }

  /** The one that a page of the documentation shows. */
  @Nested
  class Documented extends Contract {
    @TempDir static Path folder;
    private URLClassLoader loader;

    @Override
    TestService start() {
      return new NoService("folder://" + folder);
    }

    @BeforeAll
    void load() throws IOException {
      Path jar = DocumentedProject.extract("folder-store", folder).jar();
      loader =
          new URLClassLoader(new URL[] {jar.toUri().toURL()}, MetadataStore.class.getClassLoader());
    }

    @AfterAll
    void closeLoader() throws IOException {
      loader.close();
    }

    @Override
    MetadataStore open(String server, Settings settings) {
      ServiceLoader<MetadataStoreProvider> found =
          ServiceLoader.load(MetadataStoreProvider.class, loader);
      MetadataStoreProvider provider =
          found.stream()
              .filter(each -> each.type().getName().startsWith("folder."))
              .findFirst()
              .orElseThrow()
              .get();
      return provider.open(ConnectionString.parse(server), new EngineStoreContext(settings));
    }

    @Override
    boolean lists() {
      return false;
    }
  }

  /** Our own server. */
  @Nested
  class OwnHttp extends Contract {
    @Override
    TestService start() {
      return OwnHttpService.plain();
    }
  }

  /** A server of Mooncake's kind. */
  @Nested
  class ForeignHttp extends Contract {
    @Override
    TestService start() {
      return new ForeignHttpService();
    }

    @Override
    boolean expires() {
      return false;
    }

    @Override
    boolean lists() {
      return false;
    }
  }

  /** Redis. */
  @Nested
  class Redis extends Contract {
    @Override
    TestService start() {
      return RedisService.plain();
    }
  }

  /** One node of etcd. */
  @Nested
  class Etcd extends Contract {
    @Override
    TestService start() {
      return EtcdService.single();
    }

    @Override
    boolean watches() {
      return true;
    }
  }
}
