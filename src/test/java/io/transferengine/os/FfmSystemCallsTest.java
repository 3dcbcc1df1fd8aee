// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.testkit.Mapped;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The C library itself. */
@Timeout(value = 1, unit = TimeUnit.MINUTES)
class FfmSystemCallsTest {
  private static final SystemCalls SYSTEM = new FfmSystemCalls();

  @Test
  void anExceptionNamesTheCallItsArgumentsAndTheError() {
    NativeCallException known = new NativeCallException("ibv_reg_mr", "addr=0x10, length=8", 12);
    assertThat(known)
        .hasMessage("ibv_reg_mr(addr=0x10, length=8) failed: ENOMEM (12, Cannot allocate memory)");
    assertThat(known.call()).isEqualTo("ibv_reg_mr");
    assertThat(known.errno()).isEqualTo(12);
    assertThat(known.errnoName()).isEqualTo("ENOMEM");
    assertThat(new NativeCallException("x", "", 4095)).hasMessage("x() failed: errno 4095");
  }

  @Test
  void aSystemCallThatFailsNamesItsArguments() {
    // Above what the system may give out, so nobody's.
    int fd = Integer.MAX_VALUE;
    assertThatThrownBy(() -> SYSTEM.close(fd))
        .hasMessage("close(fd=2147483647) failed: EBADF (9, Bad file descriptor)");
    assertThatThrownBy(() -> SYSTEM.drain(fd))
        .hasMessage("read(eventfd=2147483647) failed: EBADF (9, Bad file descriptor)");
    assertThatThrownBy(() -> SYSTEM.signal(fd))
        .hasMessage("write(eventfd=2147483647) failed: EBADF (9, Bad file descriptor)");
    assertThatThrownBy(() -> SYSTEM.setNonBlocking(fd))
        .hasMessageStartingWith("fcntl(fd=2147483647, cmd=3")
        .hasMessageEndingWith("failed: EBADF (9, Bad file descriptor)");
  }

  @Test
  void aClosedDescriptorIsReadableSoThatNobodySleepsOnIt() {
    boolean[] readable = new boolean[1];
    SYSTEM.awaitReadable(new int[] {Integer.MAX_VALUE}, readable, -1);
    assertThat(readable[0]).isTrue();
  }

  @Test
  void theNodeOfTouchedMemoryIsKnownOrNotAndNothingCrashes() {
    try (Mapped memory = Mapped.of(8192).fill(1)) {
      int node;
      try {
        node = SYSTEM.nodeOfPage(memory.address());
      } catch (NativeCallException notAllowed) {
        assertThat(notAllowed.errnoName()).isIn("EPERM", "ENOSYS");
        assertThat(NumaNodes.nodeOf(SYSTEM, memory.address())).isEqualTo(-1);
        return;
      }
      assertThat(node).isNotNegative();
      assertThat(NumaNodes.nodeOf(SYSTEM, memory.address())).isEqualTo(node);
      assertThat(NumaNodes.nodeOf(SYSTEM, 8)).isEqualTo(-1);
    }
  }
}
