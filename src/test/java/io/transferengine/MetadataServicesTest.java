// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.assertCompleted;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.Pattern;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.testkit.services.EtcdService;
import io.transferengine.testkit.services.ForeignHttpService;
import io.transferengine.testkit.services.OwnHttpService;
import io.transferengine.testkit.services.RedisService;
import io.transferengine.testkit.services.TestService;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
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
        Engine here =
            Engine.open(
                EngineConfigs.named("node-a", service.connectionString(), service.environment())
                    .build());
        PeerProcess there = engine(service, "node-b");
        Allocation mine = here.allocate(LENGTH)) {
      long remote = there.allocate(LENGTH);
      assertThat(here.openSegment("node-b").buffers().getFirst().address()).isEqualTo(remote);
      Pattern.fill(mine.segment(), 1, 0);
      BlockColumns block = BlockColumns.of(mine.address(), remote, LENGTH);
      assertCompleted(here.submit(TransferRequest.of(Operation.WRITE, "node-b", block)));
      assertThat(there.mismatch(remote, LENGTH, 1)).isEqualTo(-1);
      there.fill(remote, LENGTH, 2);
      assertCompleted(here.submit(TransferRequest.of(Operation.READ, "node-b", block)));
      assertThat(Pattern.firstMismatch(mine.segment(), 2, 0)).isEqualTo(-1);

      long theirs = there.allocate(LENGTH);
      there.fill(theirs, LENGTH, 3);
      assertThat(there.call("getFirstBufferAddress", "node-a")).isEqualTo(mine.address());
      assertThat(there.call("transferSyncWrite", "node-a", theirs, mine.address(), LENGTH))
          .isZero();
      assertThat(Pattern.firstMismatch(mine.segment(), 3, 0)).isEqualTo(-1);

      here.probe("node-b");
      assertThat(there.call("sendNotify", "node-a", "n", "hello")).isZero();
      assertThat(here.takeNotifies()).containsExactly(new TransferNotify("n", "hello"));
    }
  }
}
