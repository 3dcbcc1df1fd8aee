// SPDX-License-Identifier: Apache-2.0
package io.transferengine.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.engine.EngineCore;
import io.transferengine.engine.TransferHandle;
import io.transferengine.events.EngineEvent;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.Gauge;
import io.transferengine.testkit.HeardEvents;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.Mapped;
import io.transferengine.testkit.Recorded;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.rdma.SimulatedRdmaProvider;
import io.transferengine.transport.tcp.TcpTransportProvider;
import io.transferengine.verbs.SimulatedFabric;
import io.transferengine.verbs.SimulatedVerbs;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A transfer that loses its way in whole engines with two transports, as the policy has it. */
@Timeout(120)
class FallbackTest {
  private static final int BYTES = 300_000;

  /** Of a transfer that is to arrive. */
  private static final Duration LONG = Duration.ofSeconds(20);

  /** Of one that is not; some times what it would take to go over to TCP. */
  private static final Duration SHORT = Duration.ofSeconds(5);

  private final SimulatedFabric fabric = new SimulatedFabric(1);
  private final SimulatedVerbs left = fabric.process("left", List.of("sim0"));
  private final SimulatedVerbs right = fabric.process("right", List.of("sim0"));
  private final Mapped here = Mapped.of(BYTES).fill(1);
  private final Mapped there = Mapped.of(BYTES);

  @AfterEach
  void close() {
    here.close();
    there.close();
    assertThat(fabric.violations()).isEmpty();
    assertThat(fabric.openHandles()).isEmpty();
    fabric.close();
  }

  private static EngineCore open(SimulatedVerbs verbs, Map<String, String> variables) {
    return LoopbackEngine.open(
        "",
        variables,
        List.of(new TcpTransportProvider(), new SimulatedRdmaProvider(verbs)),
        SimulatedRdmaSetup.devices(List.of("sim0")));
  }

  /** The state of a transfer that begins over a way which is cut then, and of the one before. */
  private TransferState endWithoutWay(
      Map<String, String> variables, Duration timeout, long moved, String... warning)
      throws Exception {
    try (LogCapture log = new LogCapture();
        EngineCore one = open(left, variables);
        EngineCore other = open(right, Map.of())) {
      var _ = one.memory().register(here.address(), BYTES, "*");
      var _ = other.memory().register(there.address(), BYTES, "*");
      assertThat(write(one, other, LONG).state()).isEqualTo(TransferState.COMPLETED);
      assertThat(there.segment().mismatch(here.segment())).isEqualTo(-1);
      assertThat(one.metrics().get(Counter.TRANSFERS_MOVED_TO_TCP)).isZero();
      there.segment().fill((byte) 0);
      HeardEvents heard = new HeardEvents();
      one.events().add(heard);
      assertThat(one.metrics().get(Gauge.RDMA_ENDPOINTS_OPEN)).isOne();
      fabric.faults().cut(left.device("sim0"), right.device("sim0"));
      TransferHandle transfer = write(one, other, timeout);
      if (transfer.state() == TransferState.COMPLETED) {
        assertThat(there.segment().mismatch(here.segment())).isEqualTo(-1);
      }
      assertThat(one.metrics().get(Counter.TRANSFERS_MOVED_TO_TCP)).isEqualTo(moved);
      EngineEvent lost = heard.first(EngineEvent.Kind.PATH_DOWN, Counter.RDMA_PATHS_LOST);
      assertThat(lost.transport()).isEqualTo("rdma");
      if (moved > 0) {
        EngineEvent moves = heard.first(EngineEvent.Kind.FALLBACK, Counter.TRANSFERS_MOVED_TO_TCP);
        assertThat(moves.transport()).isEqualTo("tcp");
        assertThat(moves.peer()).isEqualTo(other.segmentName());
      }
      if (warning.length > 0) {
        assertThat(log.warnings())
            .anySatisfy(line -> assertThat(line).contains(other.segmentName()).contains(warning));
      } else {
        assertThat(log.warnings()).noneMatch(line -> line.contains("path has been open"));
      }
      return transfer.state();
    }
  }

  private TransferHandle write(EngineCore one, EngineCore other, Duration timeout)
      throws Exception {
    TransferHandle transfer =
        one.submit(
            TransferRequest.of(
                    Operation.WRITE,
                    other.segmentName(),
                    BlockColumns.of(here.address(), there.address(), BYTES))
                .withTimeout(timeout));
    assertThat(transfer.await(Duration.ofSeconds(60)).isTerminal()).isTrue();
    return transfer;
  }

  @Test
  void afterTheTimeItGoesOverToTheOther(@TempDir Path folder) throws Exception {
    try (Recorded recorded = new Recorded("Fallback")) {
      assertThat(
              endWithoutWay(
                  Map.of("TE_RDMA_TO_TCP_SECONDS", "1"),
                  LONG,
                  1,
                  "1 transfers go over TCP: no RDMA path has been open for 1 s. The last reason: "))
          .isEqualTo(TransferState.COMPLETED);
      assertThat(recorded.end(folder))
          .anyMatch(event -> event.getString("counter").equals("TRANSFERS_MOVED_TO_TCP"));
    }
  }

  @Test
  void oneThatIsRequiredIsNotLeft() throws Exception {
    assertThat(
            endWithoutWay(
                Map.of("TE_RDMA_TO_TCP_SECONDS", "1", "TE_REQUIRE_RDMA", "1"),
                SHORT,
                0,
                "1 transfers wait until their deadline",
                "no RDMA path has been open for 1 s"))
        .isEqualTo(TransferState.TIMEOUT);
  }

  @Test
  void withoutATimeItStays() throws Exception {
    assertThat(endWithoutWay(Map.of("TE_RDMA_TO_TCP_SECONDS", "0"), SHORT, 0))
        .isEqualTo(TransferState.TIMEOUT);
  }
}
