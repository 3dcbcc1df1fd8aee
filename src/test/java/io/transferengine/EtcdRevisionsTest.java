// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.config.Settings;
import io.transferengine.engine.MetadataStores;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.testkit.services.EtcdService;
import io.transferengine.testkit.services.TestService;
import io.transferengine.wire.MetadataCodec;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Map;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** etcd keeps every version of a record until it is compacted, so registrations share them. */
@Timeout(120)
class EtcdRevisionsTest {
  private static final Duration TIME = Duration.ofSeconds(20);
  private static final int REGIONS = 2000;
  private static final int REGION_BYTES = 4096;
  private static final String KEY = "mooncake/ram/a";

  @Test
  void twoThousandRegionsTakeAFewRevisions() {
    try (TestService etcd = EtcdService.single();
        MetadataStore store =
            MetadataStores.open(etcd.connectionString(), Settings.fromMap(Map.of())).orElseThrow();
        Arena arena = Arena.ofShared();
        TransferEngine engine = new TransferEngine()) {
      assertThat(engine.initialize("a", etcd.connectionString(), "tcp", "")).isZero();
      MemorySegment memory =
          arena.allocate((long) REGIONS * REGION_BYTES, REGION_BYTES).fill((byte) 1);
      long[] addresses = new long[REGIONS];
      long[] lengths = new long[REGIONS];
      for (int i = 0; i < REGIONS; i++) {
        addresses[i] = memory.address() + (long) i * REGION_BYTES;
        lengths[i] = REGION_BYTES;
      }
      long before = revision(store);
      assertThat(engine.batchRegisterMemory(addresses, lengths)).isZero();
      assertThat(buffers(store)).isEqualTo(REGIONS);
      assertThat(revision(store) - before).isBetween(1L, 5L);

      before = revision(store);
      assertThat(engine.batchUnregisterMemory(addresses)).isZero();
      Awaitility.await().atMost(TIME).until(() -> buffers(store) == 0);
      assertThat(revision(store) - before).isBetween(1L, 5L);

      assertThat(engine.batchRegisterMemory(addresses, lengths)).isZero();
      before = revision(store);
      for (long address : addresses) {
        assertThat(engine.unregisterMemory(address)).isZero();
      }
      Awaitility.await().atMost(TIME).until(() -> buffers(store) == 0);
      // A revision each before: one a second at most while calls follow one another.
      assertThat(revision(store) - before).isBetween(1L, 100L);
    }
  }

  private static long revision(MetadataStore store) {
    return store.read(KEY, TIME).orElseThrow().revision();
  }

  private static int buffers(MetadataStore store) {
    return MetadataCodec.decodeSegment(store.get(KEY, TIME).orElseThrow())
        .orElseThrow()
        .buffers()
        .size();
  }
}
