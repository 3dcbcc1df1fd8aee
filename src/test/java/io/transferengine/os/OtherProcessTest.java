// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.transferengine.testkit.Mapped;
import io.transferengine.testkit.Pattern;
import io.transferengine.testkit.PeerProcess;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** System calls between this process and another. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class OtherProcessTest {
  private static final int BYTES = 100_000;

  private final ProcessMemory calls = new FfmProcessMemory();
  private final Processes processes = new LinuxProcesses();
  private final PeerProcess peer = PeerProcess.start();
  private final int pid = (int) peer.process().pid();
  private final Mapped here = Mapped.of(BYTES);
  private final IoVectors ours = new IoVectors(4);
  private final IoVectors theirs = new IoVectors(4);

  @AfterEach
  void end() {
    peer.close();
    here.close();
  }

  private void both(long local, long remote, long bytes) {
    ours.add(local, bytes);
    theirs.add(remote, bytes);
  }

  @Test
  void bytesGoBothWaysInPieces() {
    long there = peer.map(BYTES);
    peer.fill(there, BYTES, 7);
    both(here.address(), there, 10);
    both(here.address() + 10, there + 10, BYTES - 10);
    assertThat(ours.count()).isEqualTo(2);
    assertThat(theirs.totalBytes()).isEqualTo(BYTES);
    assertThat(calls.read(pid, ours, theirs)).isEqualTo(BYTES);
    assertThat(Pattern.firstMismatch(here.segment(), 7, 0)).isEqualTo(-1);
    Pattern.fill(here.segment(), 8, 0);
    assertThat(calls.write(pid, ours, theirs)).isEqualTo(BYTES);
    assertThat(peer.mismatch(there, BYTES, 8)).isEqualTo(-1);
  }

  @Test
  void whatCannotBeCopiedIsAValue() {
    long there = peer.map(BYTES);
    both(here.address(), there, 100);
    both(here.address(), 4096, 8);
    both(here.address(), there, 100);
    // In order: what follows a bad range is not touched.
    assertThat(calls.write(pid, ours, theirs)).isEqualTo(100);
    ours.clear();
    theirs.clear();
    both(here.address(), 4096, 8);
    both(here.address(), there, 100);
    assertThat(calls.write(pid, ours, theirs)).isEqualTo(-Errno.EFAULT.number());
    assertThat(calls.read(pid, ours, theirs)).isEqualTo(-Errno.EFAULT.number());
    peer.kill();
    assertThat(calls.read(pid, ours, theirs)).isEqualTo(-Errno.ESRCH.number());
  }

  @Test
  void aClosedPageEndsACallAndAnOpenOneDoesNot() {
    int page = ReservedMemory.pageBytes();
    ReservedMemory reserved = ReservedMemory.ofBytes(4L * page);
    try {
      reserved.open(page, page);
      assertThat(reserved.memory().get(ValueLayout.JAVA_LONG, page)).isZero();
      here.fill(1);
      both(here.address(), reserved.address() + page, 8);
      assertThat(calls.write(processes.own(), ours, theirs)).isEqualTo(8);
      assertThat(reserved.memory().get(ValueLayout.JAVA_LONG, page)).isNotZero();
      reserved.open(2L * page, page);
      reserved.close(page, page);
      assertThat(calls.write(processes.own(), ours, theirs)).isEqualTo(-Errno.EFAULT.number());
      assertThat(calls.read(processes.own(), ours, theirs)).isEqualTo(-Errno.EFAULT.number());
    } finally {
      reserved.unmap();
    }
    ReservedMemory other = ReservedMemory.ofBytes(page);
    other.unmap();
    assertThat(other.address()).isNotEqualTo(reserved.address());
  }

  @Test
  void aProcessIsKnownByItsStartStoppedAndEnded() {
    long start = processes.startOf(pid);
    assertThat(start).isPositive().isGreaterThan(processes.startOf(processes.own()));
    assertThat(processes.hasEnded(pid, start)).isFalse();
    assertThat(processes.isStopped(pid)).isFalse();
    assertThat(processes.hasEnded(pid, start - 1)).as("the number is another's").isTrue();
    peer.stop();
    assertThat(processes.isStopped(pid)).isTrue();
    assertThat(processes.hasEnded(pid, start)).isFalse();
    peer.resume();
    await().until(() -> !processes.isStopped(pid));
    peer.kill();
    assertThat(processes.hasEnded(pid, start)).isTrue();
    assertThat(processes.startOf(pid)).isEqualTo(-1);
    assertThat(processes.isStopped(pid)).isFalse();
  }

  @Test
  void theMachineHasAName() {
    assertThat(processes.bootId()).matches("[0-9a-f-]{36}");
    assertThat(processes.pidNamespace()).isPositive();
  }
}
