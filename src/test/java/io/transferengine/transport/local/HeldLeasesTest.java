// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.wire.HostDescriptor;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Our leases at engines, of which many have come and gone in processes that live. */
@Timeout(60)
class HeldLeasesTest {
  private final Set<Long> over = ConcurrentHashMap.newKeySet();
  private final HeldLeases leases = new HeldLeases((_, incarnation) -> over.contains(incarnation));

  private HeldLease lease(int number) {
    return leases.of(host(number), number, 4096).orElseThrow();
  }

  private static HostDescriptor host(int number) {
    return new HostDescriptor("boot", 1, 7, 7, 65_536L * number);
  }

  @Test
  void anEngineThatHasClosedGivesRoomToAnother() {
    for (int i = 1; i <= HeldLeases.LIMIT; i++) {
      HeldLease _ = lease(i);
    }
    assertThat(leases.of(host(5000), 5000, 4096)).isEmpty();
    // The known ones stay known, whether there is room or not.
    assertThat(lease(17)).isSameAs(lease(17));
    over.add(17L);
    assertThat(leases.of(host(5000), 5000, 4096)).isPresent();
    assertThat(leases.of(host(5001), 5001, 4096)).isEmpty();
  }

  @Test
  void oneThatIsCopiedFromIsNotForgotten() {
    HeldLease first = lease(1);
    for (int i = 2; i <= HeldLeases.LIMIT; i++) {
      HeldLease _ = lease(i);
    }
    over.add(1L);
    int slot = first.acquireSlot(false);
    assertThat(leases.of(host(5000), 5000, 4096)).isEmpty();
    assertThat(leases.end(System.nanoTime())).isFalse();
    first.releaseSlot(slot);
    assertThat(leases.end(System.nanoTime())).isTrue();
  }

  @Test
  void placesAreLimitedAndComeBack() {
    for (int i = 0; i < AreaLayout.ASKS; i++) {
      assertThat(leases.takePlace()).isEqualTo(i);
    }
    assertThat(leases.takePlace()).isNegative();
    leases.givePlaceBack(7);
    assertThat(leases.takePlace()).isEqualTo(7);
    leases.givePlaceBack(8);
    assertThat(leases.end(System.nanoTime())).isTrue();
    assertThat(leases.takePlace()).isNegative();
  }
}
