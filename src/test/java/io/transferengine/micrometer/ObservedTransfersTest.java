// SPDX-License-Identifier: Apache-2.0
package io.transferengine.micrometer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.micrometer.common.KeyValue;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationHandler;
import io.micrometer.observation.ObservationRegistry;
import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Transfers are observed below what is current where they are submitted. */
@Timeout(120)
class ObservedTransfersTest {
  private final List<Observation.Context> ended = new CopyOnWriteArrayList<>();
  private final ObservationRegistry registry = ObservationRegistry.create();

  private final class Collecting implements ObservationHandler<Observation.Context> {
    @Override
    public void onStop(Observation.Context context) {
      ended.add(context);
    }

    @Override
    public boolean supportsContext(Observation.Context context) {
      return ObservedTransfers.NAME.equals(context.getName());
    }
  }

  private static Engine open() {
    return Engine.open(
        EngineConfig.builder("127.0.0.1").protocol("tcp").local(LocalMode.OFF).build());
  }

  private static Map<String, String> keys(Observation.Context context) {
    Map<String, String> all = new HashMap<>();
    for (KeyValue each : context.getAllKeyValues()) {
      all.put(each.getKey(), each.getValue());
    }
    return all;
  }

  private Observation.Context last(int count) {
    await().atMost(Duration.ofSeconds(30)).untilAsserted(() -> assertThat(ended).hasSize(count));
    return ended.getLast();
  }

  @Test
  void aTransferIsObservedBelowWhatIsCurrent() throws Exception {
    registry.observationConfig().observationHandler(new Collecting());
    try (Engine here = open();
        Engine there = open();
        var mine = here.allocate(8192);
        var theirs = there.allocate(8192)) {
      ObservedTransfers transfers = new ObservedTransfers(here, registry);
      TransferRequest write =
          TransferRequest.of(
              Operation.WRITE,
              there.segmentName(),
              BlockColumns.of(mine.address(), theirs.address(), 8192));
      assertThat(transfers.submit(write).await(Duration.ofSeconds(30)))
          .isEqualTo(TransferState.COMPLETED);
      // Nothing was current: nobody asked for it.
      assertThat(ended).isEmpty();

      Observation parent = Observation.start("work", registry);
      try (Observation.Scope _ = parent.openScope()) {
        assertThat(transfers.submit(write).await(Duration.ofSeconds(30)))
            .isEqualTo(TransferState.COMPLETED);
        Observation.Context written = last(1);
        assertThat(written.getParentObservation()).isSameAs(parent);
        assertThat(written.getError()).isNull();
        assertThat(keys(written))
            .containsEntry("direction", "write")
            .containsEntry("transport", "tcp")
            .containsEntry("outcome", "completed")
            .containsEntry("cause", "none")
            .containsEntry("peer", there.segmentName())
            .containsEntry("bytes", "8192")
            .hasEntrySatisfying("explanation", text -> assertThat(text).contains("COMPLETED"));

        var refused =
            transfers.submit(
                TransferRequest.of(
                    Operation.READ,
                    there.segmentName(),
                    BlockColumns.of(mine.address(), 4096, 100)));
        assertThat(refused.await(Duration.ofSeconds(30))).isEqualTo(TransferState.FAILED);
        Observation.Context read = last(2);
        assertThat(read.getError()).isSameAs(refused.failure().orElseThrow());
        assertThat(keys(read))
            .containsEntry("direction", "read")
            .containsEntry("outcome", "failed")
            .hasEntrySatisfying("cause", text -> assertThat(text).isNotEqualTo("none"));

        // What is refused at once is a span, too.
        TransferRequest foreign =
            TransferRequest.of(
                Operation.WRITE, there.segmentName(), BlockColumns.of(64, theirs.address(), 1));
        assertThatThrownBy(() -> transfers.submit(foreign)).isInstanceOf(TransferException.class);
        assertThat(last(3).getError()).isInstanceOf(TransferException.class);
      }
      parent.stop();
    }
  }
}
