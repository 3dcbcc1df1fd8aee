// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transport.SeamFinder;
import io.transferengine.transport.TransferTask;
import java.util.ArrayDeque;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class RequestRingTest {
  private static TransferTask task(Operation operation) {
    SeamFinder none = new SeamFinder(new long[0], new long[0]);
    return new TransferTask(operation, BlockColumns.of(1, 1, 1), none, none, (_, _, _) -> {});
  }

  @Test
  void aFrameIsCountedOnceAndSmallRequestsFillTheRing() {
    TransferTask write = task(Operation.WRITE);
    RequestRing ring = new RequestRing(256, 1 << 20);
    for (int i = 0; i < 10; i++) {
      ring.request(write, i, 1, 1, 100, true);
    }
    assertThat(ring.frames()).isEqualTo(10);
    ring.join(3, 5);
    assertThat(ring.frames()).isEqualTo(6);
    int[] ranges = {1, 1, 1, 5, 0, 0, 0, 0, 1, 1};
    for (int i = 0; i < 10; i++) {
      assertThat(ring.ranges(i)).isEqualTo(ranges[i]);
    }
    for (int left : new int[] {5, 4, 3, 2, 2, 2, 2, 2, 1, 0}) {
      ring.removeFirst();
      assertThat(ring.frames()).isEqualTo(left);
    }
    // Large ones do not count; a slot that headed a frame is an ordinary one again.
    for (int i = 0; i < 200; i++) {
      ring.request(write, i, 1, 1, 16_384, true);
      assertThat(ring.ranges(ring.end() - 1)).isEqualTo(1);
    }
    ring.clear();
    ring.beginClaim();
    assertThat(ring.isFull()).isFalse();
    int count = 0;
    for (; !ring.isFull(); count++) {
      ring.request(write, 0, 1, 1, 16_383, true);
    }
    assertThat(count).as("256 KiB in a claim").isEqualTo(17);
    assertThat(ring.hasRoom(false)).isTrue();
    ring.beginClaim();
    for (; !ring.isFull(); count++) {
      ring.request(write, 0, 1, 1, 16_383, true);
    }
    assertThat(count).as("512 KiB in all").isEqualTo(33);
    assertThat(ring.hasRoom(false)).isFalse();
    ring.clear();
    assertThat(ring.hasRoom(false)).isTrue();
    assertThat(ring.frames()).isZero();
  }

  @Test
  void refusesOneMoreThanItHasPlacesAndIsAsBefore() {
    TransferTask write = task(Operation.WRITE);
    RequestRing ring = new RequestRing(4, 1 << 20);
    for (int i = 0; i < 4; i++) {
      ring.request(write, i, i, i, 100, true);
    }
    assertThatThrownBy(() -> ring.request(write, 4, 4, 4, 100, true))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("4");
    assertThatThrownBy(() -> ring.confirmation(4)).isInstanceOf(IllegalStateException.class);
    assertThat(ring.size()).isEqualTo(4);
    assertThat(ring.frames()).isEqualTo(4);
    assertThat(ring.block(ring.first())).isZero();
    ring.removeFirst();
    ring.confirmation(4);
    assertThat(ring.block(ring.first())).isEqualTo(1);
    ring.clear();
    assertThat(ring.frames()).isZero();
    assertThat(ring.hasRoom(true)).isTrue();
  }

  @Test
  void hasRoomForItsBytesAndForHalfOfThemBesideAnIdleLane() {
    RequestRing ring = new RequestRing(64, 1 << 20);
    for (Operation operation : Operation.values()) {
      for (int i = 0; i < 8; i++) {
        assertThat(ring.hasRoom(true)).isTrue();
        ring.request(task(operation), i, 1, 1, 65_536, true);
      }
      for (int i = 8; i < 16; i++) {
        assertThat(ring.hasRoom(true)).isFalse();
        assertThat(ring.hasRoom(false)).isTrue();
        ring.request(task(operation), i, 1, 1, 65_536, true);
      }
      assertThat(ring.hasRoom(false)).isFalse();
      ring.removeFirst();
      assertThat(ring.hasRoom(false)).isTrue();
      ring.confirmation(1);
      ring.clear();
      assertThat(ring.hasRoom(true)).isTrue();
    }
  }

  @Test
  void keepsItsColumnsInOrderAroundTheEnd() {
    TransferTask read = task(Operation.READ);
    TransferTask write = task(Operation.WRITE);
    RequestRing ring = new RequestRing(8, 1 << 20);
    ArrayDeque<long[]> model = new ArrayDeque<>();
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("RequestRing: replay with -Dseed=" + seed);
    Random random = new Random(seed);
    long next = 0;
    for (int i = 0; i < 5000; i++) {
      if (model.size() < 8 && random.nextBoolean()) {
        long kind = random.nextInt(3);
        long length = random.nextBoolean() ? 1 + random.nextInt(16_383) : 16_384;
        if (kind == 2) {
          length = 1;
          ring.confirmation(next);
        } else {
          ring.request(kind == 0 ? read : write, (int) next, next + 1, next, length, next % 2 == 0);
          assertThat(ring.streamStart(ring.end() - 1)).isEqualTo(Long.MAX_VALUE);
          ring.startsAt(ring.end() - 1, next * 10);
        }
        model.addLast(new long[] {kind, next, length});
        next++;
      } else if (!model.isEmpty()) {
        model.removeFirst();
        ring.removeFirst();
      }
      assertThat(ring.size()).isEqualTo(model.size());
      assertThat(ring.end() - ring.first()).isEqualTo(model.size());
      long position = ring.first();
      long large = 0;
      for (long[] expected : model) {
        assertThat(ring.remote(position)).isEqualTo(expected[1]);
        assertThat(ring.length(position)).isEqualTo(expected[2]);
        assertThat(ring.isRead(position)).isEqualTo(expected[0] != 1);
        if (expected[0] == 2) {
          assertThat(ring.task(position)).isNull();
        } else {
          assertThat(ring.task(position)).isSameAs(expected[0] == 0 ? read : write);
          assertThat(ring.block(position)).isEqualTo((int) expected[1]);
          assertThat(ring.local(position)).isEqualTo(expected[1] + 1);
          assertThat(ring.unmerged(position)).isEqualTo(expected[1] % 2 == 0);
          assertThat(ring.streamStart(position)).isEqualTo(expected[1] * 10);
        }
        large += expected[0] != 1 && expected[2] >= 16_384 ? 1 : 0;
        position++;
      }
      assertThat(ring.largeReads()).isEqualTo((int) large);
      assertThat(ring.contains(read)).isEqualTo(model.stream().anyMatch(e -> e[0] == 0));
    }
    ring.clear();
    assertThat(ring.size()).isZero();
    assertThat(ring.largeReads()).isZero();
    assertThat(ring.contains(write)).isFalse();
  }
}
