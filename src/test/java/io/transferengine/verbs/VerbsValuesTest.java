// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Numbers of C and what they become. */
@Timeout(value = 1, unit = TimeUnit.MINUTES)
class VerbsValuesTest {
  @Test
  void eachStatusComesBackFromItsNumberAndOthersAreUnknown() {
    for (WorkCompletionStatus status : WorkCompletionStatus.values()) {
      assertThat(WorkCompletionStatus.of(status.raw())).isEqualTo(status);
    }
    // From the man page's order, by hand: a table that is shifted as a whole would agree above.
    assertThat(WorkCompletionStatus.of(0)).isEqualTo(WorkCompletionStatus.SUCCESS);
    assertThat(WorkCompletionStatus.of(5))
        .isEqualTo(WorkCompletionStatus.WORK_REQUEST_FLUSHED_ERROR);
    assertThat(WorkCompletionStatus.of(10)).isEqualTo(WorkCompletionStatus.REMOTE_ACCESS_ERROR);
    assertThat(WorkCompletionStatus.of(12)).isEqualTo(WorkCompletionStatus.RETRY_EXCEEDED_ERROR);
    assertThat(WorkCompletionStatus.of(1000)).isEqualTo(WorkCompletionStatus.UNKNOWN);
    assertThat(WorkCompletionStatus.of(-7)).isEqualTo(WorkCompletionStatus.UNKNOWN);
  }

  @Test
  void numbersThatAreNotInTheHeaderHaveAValueToo() {
    assertThat(AsyncEventType.of(777)).isEqualTo(AsyncEventType.UNKNOWN);
    assertThat(PortState.of(777)).isEqualTo(PortState.NOP);
    assertThat(LinkLayer.of(777)).isEqualTo(LinkLayer.UNSPECIFIED);
    assertThat(QueuePairState.of(777)).isEqualTo(QueuePairState.UNKNOWN);
    assertThat(Mtu.bytesOf(777)).isZero();
    assertThat(Mtu.bytesOf(Mtu.rawOf(1024))).isEqualTo(1024);
    assertThatThrownBy(() -> Mtu.rawOf(1500)).hasMessageContaining("1500");
  }

  @Test
  void attributesThatCWouldCutAreRefused() {
    assertThatThrownBy(() -> routeWith(new byte[15], 1, 16))
        .hasMessage("length of the peer's GID is 15; allowed are 16 to 16");
    assertThatThrownBy(() -> routeWith(new byte[16], 0x1000000, 16))
        .hasMessage("peer queue pair number is 16777216; allowed are 0 to 16777215");
    assertThatThrownBy(() -> routeWith(new byte[16], 1, 256))
        .hasMessage("hop limit is 256; allowed are 0 to 255");
    assertThatThrownBy(() -> new ReadyToSend(32, 7, 7, 0, 16)).hasMessageStartingWith("timeout");
    assertThatThrownBy(() -> new SendWorkRequestRing(0, 1)).hasMessageStartingWith("capacity");
    assertThatThrownBy(() -> new SendWorkRequestRing(1, 0)).hasMessageStartingWith("elements");
    assertThatThrownBy(() -> new WorkCompletions(-1)).hasMessageStartingWith("capacity");
    try (SendWorkRequestRing ring = new SendWorkRequestRing(2, 1)) {
      assertThatThrownBy(() -> ring.set(0, 0, true, true, 1, 0, 0, 0, 0))
          .hasMessageContaining("0 bytes");
      assertThatThrownBy(() -> ring.add(0, 1, 0, 0)).hasMessageContaining("0 bytes");
      ring.set(0, 0, true, true, 1, 1, 0, 0, 0);
      assertThatThrownBy(() -> ring.add(0, 1, 1, 0)).hasMessage("The request has all its 1 ranges");
      assertThatThrownBy(() -> ring.set(2, 0, true, true, 1, 1, 0, 0, 0))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
    try (WorkCompletions completions = new WorkCompletions(2)) {
      assertThatThrownBy(() -> completions.status(2)).isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  private static ReadyToReceive routeWith(byte[] gid, int number, int hopLimit) {
    return new ReadyToReceive(1024, number, 0, 16, 12, gid, 1, hopLimit, 0, 0, 0, 1, true);
  }
}
