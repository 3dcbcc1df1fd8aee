// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class PostedRingTest {
  /** Three, where the columns have four places: the queue pair's limit counts, not the array's. */
  @Test
  void refusesOneMoreThanItHasPlacesAndIsAsBefore() {
    PostedRing ring = new PostedRing(3);
    for (int i = 0; i < 3; i++) {
      ring.add(null, i, i, i, 100);
    }
    assertThatThrownBy(() -> ring.add(null, 3, 3, 3, 100))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("3");
    assertThat(ring.size()).isEqualTo(3);
    assertThat(ring.bytes()).isEqualTo(300);
    assertThat(ring.block(ring.first())).isZero();
    ring.removeFirst();
    ring.add(null, 3, 3, 3, 100);
    assertThat(ring.block(ring.end() - 1)).isEqualTo(3);
  }
}
