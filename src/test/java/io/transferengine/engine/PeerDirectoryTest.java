// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.config.Settings;
import io.transferengine.config.TransportPolicies;
import io.transferengine.config.TransportPolicy;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.Transport;
import io.transferengine.wire.DeviceDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * What a peer says of itself is used as far as it holds here. An RDMA endpoint is found by the name
 * that its owner has for itself: two machines that both say {@code localhost} would be one.
 */
@Timeout(60)
class PeerDirectoryTest {
  /** Of no machine (RFC 5737), so not of this one. */
  private static final String ELSEWHERE = "192.0.2.7";

  private static final class Rdma extends HeldTransport {
    @Override
    public String name() {
      return SegmentDescriptor.RDMA;
    }

    @Override
    public boolean reaches(SegmentDescriptor peer) {
      return peer.offers(SegmentDescriptor.RDMA) && !peer.devices().isEmpty();
    }
  }

  private static final class Tcp extends HeldTransport {
    @Override
    public boolean reaches(SegmentDescriptor peer) {
      return peer.tcpDataPort() != 0;
    }
  }

  private final Transport rdma = new Rdma();
  private final Transport tcp = new Tcp();

  private static SegmentDirectory.Found found(
      String name, Optional<String> server, int tcpPort, String from) throws UnknownHostException {
    return PeerDirectory.found(
        SegmentDescriptor.builder(name, SegmentDescriptor.RDMA)
            .devices(List.of(new DeviceDescriptor("mlx5_0", 0, "00:00")))
            .rdmaServerName(server)
            .tcpDataPort(tcpPort)
            .build(),
        HostPort.parse(name),
        InetAddress.getByName(from),
        15000);
  }

  private Transport choose(SegmentDirectory.Found found, Map<String, String> settings) {
    List<String> names = List.of(rdma.name(), tcp.name());
    var policies = TransportPolicies.of(names, "rdma", Settings.fromMap(settings));
    return new TransportRegistry(
            Stream.of(rdma, tcp)
                .map(
                    each ->
                        new TransportRegistry.Ranked(
                            each, policies.getOrDefault(each.name(), TransportPolicy.DEFAULT)))
                .toList(),
            new TransportChoice(names, "rdma", new EngineMetrics()))
        .select(found)
        .getFirst();
  }

  @Test
  void whoRequiresChecksumsDoesNotUseRdma() {
    List<String> names = List.of("rdma", "tcp");
    var policies =
        TransportPolicies.of(
            names, "rdma", Settings.fromMap(Map.of("TE_CHECKSUM", "require_crc32c")));
    assertThat(policies.getOrDefault("rdma", TransportPolicy.DEFAULT).use())
        .isEqualTo(TransportPolicy.Use.NEVER);
    assertThat(policies).containsEntry("tcp", TransportPolicy.DEFAULT);
  }

  @Test
  void aPeerWithANameOfOursIsReachedOverTcp() throws Exception {
    for (String name : List.of("localhost:15000", "127.0.0.1:15000", "[::1]:15000")) {
      SegmentDirectory.Found found = found(name, Optional.empty(), 15001, ELSEWHERE);
      assertThat(found.host()).isEqualTo(ELSEWHERE);
      assertThat(choose(found, Map.of())).isSameAs(tcp);
      assertThatThrownBy(() -> choose(found, Map.of("TE_REQUIRE_RDMA", "1")))
          .isInstanceOf(TransferException.class)
          .hasMessageContainingAll(
              ELSEWHERE, "calls itself " + name, "leads to it from everywhere", "TE_REQUIRE_RDMA");
    }
  }

  @Test
  void withoutTcpItIsRefusedWithTheRemedy() throws Exception {
    SegmentDirectory.Found found = found("localhost:15000", Optional.empty(), 0, ELSEWHERE);
    assertThatThrownBy(() -> choose(found, Map.of()))
        .isInstanceOf(TransferException.class)
        .hasMessageContainingAll(
            ELSEWHERE, "calls itself localhost:15000", "leads to it from everywhere");
  }

  @Test
  void theNameThatCountsIsTheOneInItsNicPaths() throws Exception {
    Optional<String> good = Optional.of(ELSEWHERE + ":15000");
    assertThat(choose(found("localhost:15000", good, 15001, ELSEWHERE), Map.of())).isSameAs(rdma);
    Optional<String> bad = Optional.of("localhost:15000");
    assertThat(choose(found(ELSEWHERE + ":15000", bad, 15001, ELSEWHERE), Map.of())).isSameAs(tcp);
  }

  @Test
  void onThisMachineAndUnderANameOfItsOwnItIsRdma() throws Exception {
    assertThat(choose(found("localhost:15000", Optional.empty(), 15001, "127.0.0.1"), Map.of()))
        .isSameAs(rdma);
    assertThat(choose(found("node.invalid:15000", Optional.empty(), 15001, ELSEWHERE), Map.of()))
        .isSameAs(rdma);
  }
}
