// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.PeerProcess;
import io.transferengine.testkit.services.EtcdService;
import io.transferengine.testkit.services.ForeignHttpService;
import io.transferengine.testkit.services.OwnHttpService;
import io.transferengine.testkit.services.RedisService;
import io.transferengine.testkit.services.TestService;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Two engine processes that find one another only through a metadata service. */
@Timeout(180)
class MetadataServicesTest {
  private static final int LENGTH = 3 << 20;

  static Stream<Named<Supplier<TestService>>> services() {
    return Stream.of(
        Named.of("our HTTP server", OwnHttpService::plain),
        Named.of("our HTTP server, https", OwnHttpService::secured),
        Named.of("a server of Mooncake's kind", ForeignHttpService::new),
        Named.of("redis", RedisService::plain),
        Named.of("redis, TLS and password", RedisService::secured),
        Named.of("etcd", EtcdService::single),
        Named.of("etcd, TLS and password", EtcdService::secured),
        Named.of("etcd, three nodes", EtcdService::cluster));
  }

  private static PeerProcess engine(TestService service, String name) {
    Map<String, String> environment = new HashMap<>(service.environment());
    environment.put("MC_TCP_BIND_ADDRESS", "127.0.0.1");
    PeerProcess peer = PeerProcess.start(environment);
    try {
      peer.register(name, service.connectionString());
      return peer;
    } catch (Throwable t) {
      peer.close();
      throw t;
    }
  }

  @ParameterizedTest
  @MethodSource("services")
  void twoProcessesFindOneAnotherAndMoveVerifiedBytes(Supplier<TestService> kind) {
    try (TestService service = kind.get();
        PeerProcess a = engine(service, "node-a");
        PeerProcess b = engine(service, "node-b")) {
      long local = a.allocate(LENGTH);
      long remote = b.allocate(LENGTH);
      assertThat(a.call("getFirstBufferAddress", "node-b")).isEqualTo(remote);
      a.fill(local, LENGTH, 1);
      assertThat(a.call("transferSyncWrite", "node-b", local, remote, LENGTH)).isZero();
      assertThat(b.mismatch(remote, LENGTH, 1)).isEqualTo(-1);
      b.fill(remote, LENGTH, 2);
      assertThat(a.call("transferSyncRead", "node-b", local, remote, LENGTH)).isZero();
      assertThat(a.mismatch(local, LENGTH, 2)).isEqualTo(-1);
      assertThat(a.call("sendProbe", "node-b")).isZero();
      assertThat(b.call("sendNotify", "node-a", "n", "hello")).isZero();
      assertThat(a.text("getNotifies")).isEqualTo("n=hello");
    }
  }
}
