// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class SharedMappingTest {
  private static final String NAME = "te-shared-mapping-test";
  private static final long BYTES = 1 << 16;
  private static final long LARGE = 1 << 20;

  private final int pid = new LinuxProcesses().own();
  private final ReservedMemory theirs = ReservedMemory.ofMemfd(NAME, BYTES);
  private final Processes.MemfdFile file =
      new LinuxProcesses().memfd(pid, theirs.address(), BYTES, NAME).orElseThrow();

  @AfterEach
  void end() {
    theirs.unmap();
  }

  private static long mappings() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/maps"), ISO_8859_1).stream()
        .filter(line -> line.contains("/memfd:" + NAME))
        .count();
  }

  @Test
  void whatOneHasTheOtherHasUntilItIsClosed() throws Exception {
    SharedMapping made = SharedMapping.of(pid, theirs.descriptor(), file, BYTES);
    theirs.memory().fill((byte) 7);
    MemorySegment memory = made.memory();
    assertThat(memory.mismatch(theirs.memory())).isEqualTo(-1);
    memory.set(ValueLayout.JAVA_BYTE, BYTES - 1, (byte) 8);
    assertThat(theirs.memory().get(ValueLayout.JAVA_BYTE, BYTES - 1)).isEqualTo((byte) 8);
    assertThat(mappings()).isEqualTo(2);
    made.close();
    assertThat(mappings()).isEqualTo(1);
    assertThatThrownBy(() -> memory.get(ValueLayout.JAVA_BYTE, 0))
        .isInstanceOf(IllegalStateException.class);
  }

  /** Its number may be that of another file by now. */
  @Test
  void anotherFileIsNotMapped() throws Exception {
    ReservedMemory other = ReservedMemory.ofMemfd(NAME, BYTES);
    try {
      isRefused(other.descriptor(), BYTES);
      isRefused(theirs.descriptor(), BYTES + (1 << 16));
      isRefused(-1, BYTES);
      isRefused(99_999, BYTES);
    } finally {
      other.unmap();
    }
    assertThat(mappings()).isEqualTo(1);
  }

  private void isRefused(int descriptor, long bytes) {
    assertThatThrownBy(() -> SharedMapping.of(pid, descriptor, file, bytes))
        .isInstanceOf(NativeCallException.class);
  }

  /** It could get shorter, and then whoever touches it ends. */
  @Test
  void aFileThatIsNotSealedIsNotMapped() throws Exception {
    int fd = Memfd.of(NAME, BYTES, false, false);
    try {
      long inode =
          ((Number) Files.getAttribute(Path.of("/proc/self/fd/" + fd), "unix:ino")).longValue();
      Processes.MemfdFile unsealed = new Processes.MemfdFile(file.device(), inode);
      assertThatThrownBy(() -> SharedMapping.of(pid, fd, unsealed, BYTES))
          .isInstanceOf(NativeCallException.class)
          .hasMessageContaining("not sealed");
    } finally {
      new FfmSystemCalls().close(fd);
    }
  }

  /** A copy is a call of C: to end the mapping meanwhile would end the JVM. */
  @ParameterizedTest
  @ValueSource(longs = {MemoryCopy.BY_C_BYTES / 2, MemoryCopy.BY_C_BYTES, LARGE})
  void whoCopiesIsWaitedFor(long bytes) throws Exception {
    ReservedMemory large = ReservedMemory.ofMemfd(NAME, LARGE);
    try {
      Processes.MemfdFile of =
          new LinuxProcesses().memfd(pid, large.address(), LARGE, NAME).orElseThrow();
      for (int i = 0; i < 20; i++) {
        endsMidCopy(SharedMapping.of(pid, large.descriptor(), of, LARGE), bytes);
      }
    } finally {
      large.unmap();
    }
    assertThat(mappings()).isEqualTo(1);
  }

  private static void endsMidCopy(SharedMapping made, long bytes) throws Exception {
    MemorySegment memory = made.memory();
    CountDownLatch copying = new CountDownLatch(2);
    AtomicBoolean stop = new AtomicBoolean();
    try (Arena arena = Arena.ofShared();
        ExecutorService threads = Executors.newFixedThreadPool(2)) {
      List<Future<?>> all = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        MemorySegment own = arena.allocate(bytes);
        all.add(
            threads.submit(
                () -> {
                  while (!stop.get()) {
                    MemoryCopy.copy(memory, 0, own, 0, bytes);
                    copying.countDown();
                  }
                }));
      }
      copying.await();
      stop.set(true);
      made.close();
      for (Future<?> each : all) {
        try {
          each.get();
        } catch (ExecutionException closed) {
          assertThat(closed).hasCauseInstanceOf(IllegalStateException.class);
        }
      }
    }
  }

  @Test
  void itIsClosedOnce() {
    SharedMapping made = SharedMapping.of(pid, theirs.descriptor(), file, BYTES);
    made.close();
    assertThatThrownBy(made::close).isInstanceOf(IllegalStateException.class);
  }
}
