// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.wire.HostDescriptor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Which words of a peer we write. */
@Timeout(60)
class TargetTest {
  private static final long AREA = 0x2345_6789_0000L;
  private static final long SLOTS = AREA + AreaLayout.SLOTS_AT;

  private final HeldLease lease = new HeldLease(new HostDescriptor("b", 1, 7, 1, AREA), SLOTS);
  private final Target target = new Target("peer", lease, new PeerMap(MemorySegment.NULL, AREA));

  @Test
  void slotsAreInTheAreaAndBeginALease() {
    assertThat(AreaLayout.isLease(AREA, SLOTS)).isTrue();
    long last = AREA + AreaLayout.ENTRIES_AT - AreaLayout.LEASE_BYTES;
    assertThat(AreaLayout.isLease(AREA, last)).isTrue();
    for (long other :
        new long[] {
          0,
          1,
          AREA,
          SLOTS - AreaLayout.LEASE_BYTES,
          SLOTS + Long.BYTES,
          last + 1,
          last + AreaLayout.LEASE_BYTES,
          Long.MAX_VALUE
        }) {
      assertThat(AreaLayout.isLease(AREA, other)).as("0x%x", other).isFalse();
    }
    assertThat(AreaLayout.isLease(Long.MAX_VALUE, 0)).isFalse();
  }

  @Test
  void aSlotThatIsReleasedIsTheOnlyOneThatIsFree() {
    for (int i = 0; i < HeldLease.OF_COPY_THREADS; i++) {
      assertThat(target.acquireSlot(true)).isEqualTo(i);
      assertThat(target.acquireSlot(false)).isEqualTo(HeldLease.OF_COPY_THREADS + i);
    }
    assertThat(target.acquireSlot(true)).isEqualTo(-1);
    for (int slot : new int[] {2, 7, 0}) {
      target.releaseSlot(slot);
      assertThat(target.acquireSlot(slot < HeldLease.OF_COPY_THREADS)).isEqualTo(slot);
      assertThat(target.acquireSlot(true)).isEqualTo(-1);
      assertThat(target.acquireSlot(false)).isEqualTo(-1);
    }
  }

  /** By whomever it is noticed first. */
  @Test
  void itsEndIsToldOnce() {
    List<String> told = new ArrayList<>();
    Target watched =
        new Target("peer", lease, target.map(), null, (of, why) -> told.add(of.name() + why));
    assertThat(watched.isLost()).isFalse();
    watched.markLost(": a copy said so");
    watched.markLost(": a look said so");
    assertThat(watched.isLost()).isTrue();
    assertThat(told).containsExactly("peer: a copy said so");
  }

  @Test
  void afterTheEndNoSlotIsGivenAndThoseGivenAreWaitedFor() {
    assertThat(target.acquireSlot(true)).isZero();
    assertThat(lease.end()).isFalse();
    assertThat(target.acquireSlot(true)).isEqualTo(-1);
    assertThat(target.acquireSlot(false)).isEqualTo(-1);
    target.releaseSlot(0);
    assertThat(lease.end()).isTrue();
    assertThat(target.acquireSlot(true)).isEqualTo(-1);
  }

  @Test
  void thereIsNoOtherSlot() {
    assertThat(target.slotAddress(7)).isEqualTo(SLOTS + 56);
    for (int slot : new int[] {-1, AreaLayout.SLOTS}) {
      assertThatThrownBy(() -> target.slotAddress(slot))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }
}
