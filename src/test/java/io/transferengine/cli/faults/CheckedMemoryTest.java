// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What finds wrong bytes has to find each of them. */
@Timeout(60)
class CheckedMemoryTest {
  private static final int LENGTH = 1000;

  private final MemorySegment memory = Arena.ofAuto().allocate(LENGTH);
  private final CheckedMemory checked = new CheckedMemory("m", memory, 1);

  private void store(int offset, int value) {
    memory.set(ValueLayout.JAVA_BYTE, offset, (byte) value);
  }

  private void invert(int offset) {
    store(offset, ~memory.get(ValueLayout.JAVA_BYTE, offset));
  }

  @Test
  void aByteThatMustNotChangeIsFoundWhereverItIs() {
    checked.check();
    for (int offset : new int[] {0, 500, LENGTH - 1}) {
      invert(offset);
      assertThatThrownBy(checked::check)
          .isInstanceOf(AssertionError.class)
          .hasMessageContaining("Byte 0x%x of m", offset)
          .hasMessageContaining("must not change");
      invert(offset);
      checked.check();
    }
  }

  @Test
  void aByteMayBeOldOrNewAndNothingElse() {
    checked.fill(100, 10, (byte) 1);
    checked.mayGet(100, new byte[] {2, 2, 2});
    checked.check();
    store(101, 2);
    checked.check();
    store(103, 2); // behind the range
    assertThatThrownBy(checked::check).hasMessageContaining("Byte 0x67 of m is 02");
    store(103, 1);
    store(101, 3);
    assertThatThrownBy(checked::check).hasMessageContaining("is 03; it was 01 and may become 02");
  }

  @Test
  void severalTransfersMayHaveLeftTheirBytes() {
    checked.fill(0, 10, (byte) 1);
    checked.mayGet(0, new byte[] {2, 2, 2, 2});
    checked.mayGet(2, new byte[] {3, 3, 3, 3});
    store(1, 2);
    store(2, 3);
    store(3, 2);
    store(5, 3);
    checked.check();
    store(5, 2);
    assertThatThrownBy(checked::check).hasMessageContaining("Byte 0x5");
  }

  @Test
  void whatHasArrivedEndsAllDoubt() {
    checked.fill(0, 10, (byte) 1);
    checked.mayGet(0, new byte[] {2, 2, 2, 2});
    checked.set(1, new byte[] {5, 5});
    store(0, 2);
    store(3, 2);
    checked.check();
    store(1, 2);
    assertThatThrownBy(checked::check).hasMessageContaining("is 02; it was 05");
    store(1, 5);
    assertThat(checked.isUnsure()).isTrue();
    checked.settle();
    assertThat(checked.isUnsure()).isFalse();
    checked.check();
    store(3, 1); // the old byte, once the new one was there for good
    assertThatThrownBy(checked::check).hasMessageContaining("is 01; it was 02");
  }

  @Test
  void whatIsNotKnownIsNotExpectedElsewhere() {
    checked.mayGet(10, new byte[] {1, 2});
    assertThatThrownBy(() -> checked.expected(11, 5)).isInstanceOf(IllegalStateException.class);
    assertThat(checked.expected(12, 5)).hasSize(5);
  }
}
