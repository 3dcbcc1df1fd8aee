// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.testkit.Needs;
import io.transferengine.testkit.PeerProcess;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the kernel does to the word of a process that ends, and what a reader makes of it. */
@Timeout(120)
class LifeWordTest {
  private static final String NAME = "te-life-word-test";

  private final LinuxProcesses processes = new LinuxProcesses();
  private final int pid = processes.own();

  /** In the place of the kernel: says what the test says, and counts who asks. */
  private static final class Asked implements Processes.Watch {
    final AtomicBoolean ended = new AtomicBoolean();
    final AtomicInteger questions = new AtomicInteger();
    final AtomicBoolean closed = new AtomicBoolean();

    @Override
    public boolean hasEnded() {
      questions.incrementAndGet();
      return ended.get();
    }

    @Override
    public void close() {
      closed.set(true);
    }
  }

  private final Asked kernel = new Asked();

  @BeforeAll
  static void pagesCanBeSealedAndLocked() {
    Needs.lifeWord();
  }

  /** One that a thread holds. */
  private static final class Held {
    final LifeWord word = LifeWord.of(NAME);
    private final CountDownLatch begun = new CountDownLatch(1);
    private final CountDownLatch over = new CountDownLatch(1);
    private final Thread thread =
        Thread.ofPlatform()
            .daemon()
            .name(NAME)
            .start(
                () -> {
                  word.hold();
                  begun.countDown();
                  try {
                    over.await();
                  } catch (InterruptedException nobodyDoes) {
                    throw new AssertionError(nobodyDoes);
                  }
                  word.release();
                });

    Held() throws InterruptedException {
      begun.await();
    }

    void end() throws InterruptedException {
      over.countDown();
      thread.join();
    }
  }

  private Processes.MemfdFile file(long address) {
    return processes.memfd(pid, address, LifeWord.bytes(), NAME).orElseThrow();
  }

  private LifeWatch watch(LifeWord word) {
    return LifeWatch.of(pid, word.descriptor(), file(word.address()), kernel);
  }

  private static List<String> maps(int pid, String name) throws IOException {
    return Files.readAllLines(Path.of("/proc/" + pid + "/maps"), ISO_8859_1).stream()
        .filter(line -> line.contains("/memfd:" + name))
        .toList();
  }

  private static List<Integer> descriptors(int pid, String name) throws IOException {
    try (Stream<Path> all = Files.list(Path.of("/proc/" + pid + "/fd"))) {
      return all.filter(each -> link(each).contains("/memfd:" + name))
          .map(each -> Integer.parseInt(each.getFileName().toString()))
          .toList();
    }
  }

  private static String link(Path each) {
    try {
      return Files.readSymbolicLink(each).toString();
    } catch (IOException closed) {
      return "";
    }
  }

  private void assertNothingLeft() throws IOException {
    assertThat(maps(pid, NAME)).isEmpty();
    assertThat(descriptors(pid, NAME)).isEmpty();
  }

  @Test
  void whileItIsHeldNobodyAsksTheKernel() throws Exception {
    Held word = new Held();
    LifeWatch watch = watch(word.word);
    int before = kernel.questions.get();
    kernel.ended.set(true);
    for (int i = 0; i < 1000; i++) {
      assertThat(watch.hasEnded()).isFalse();
    }
    assertThat(kernel.questions).hasValue(before);
    watch.close();
    assertThat(kernel.closed).isTrue();
    assertThat(watch.hasEnded()).as("closed").isTrue();
    word.end();
    assertNothingLeft();
  }

  /** As when an engine closes: its process lives on, and so may another engine of it. */
  @Test
  void whenItEndsTheKernelIsAskedAndAnotherOfTheProcessStays() throws Exception {
    Held word = new Held();
    Held other = new Held();
    LifeWatch watch = watch(word.word);
    Asked othersKernel = new Asked();
    LifeWatch others =
        LifeWatch.of(pid, other.word.descriptor(), file(other.word.address()), othersKernel);
    word.end();
    int before = kernel.questions.get();
    assertThat(watch.hasEnded()).isFalse();
    assertThat(kernel.questions).hasValue(before + 1);
    kernel.ended.set(true);
    assertThat(watch.hasEnded()).isTrue();
    int othersBefore = othersKernel.questions.get();
    assertThat(others.hasEnded()).isFalse();
    assertThat(othersKernel.questions).hasValue(othersBefore);
    watch.close();
    others.close();
    other.end();
    assertNothingLeft();
  }

  /** A thread that ends in whatever way takes the kernel's mark with it; here without our end. */
  @Test
  void theKernelMarksIt() throws Exception {
    try (PeerProcess peer = PeerProcess.initialized(Map.of("TE_LOCAL", "auto"))) {
      int theirs = (int) peer.process().pid();
      LifeWatch watch = watchOf(theirs, kernel);
      int before = kernel.questions.get();
      assertThat(watch.hasEnded()).isFalse();
      peer.stop();
      assertThat(watch.hasEnded()).as("stopped").isFalse();
      peer.resume();
      assertThat(kernel.questions).hasValue(before);
      peer.kill();
      // The kernel, or rather this test, still says that it lives. The word does not.
      assertThat(watch.hasEnded()).isFalse();
      assertThat(kernel.questions).hasValue(before + 1);
      watch.close();
    }
  }

  /** The word is never later than what the kernel says otherwise. */
  @Test
  void whoIsToldOfTheEndFindsItMarked() throws Exception {
    for (int i = 0; i < 3; i++) {
      try (PeerProcess peer = PeerProcess.initialized(Map.of("TE_LOCAL", "auto"))) {
        int theirs = (int) peer.process().pid();
        Processes.Watch pidfd = processes.watch(theirs, processes.startOf(theirs)).orElseThrow();
        LifeWatch watch = watchOf(theirs, pidfd);
        assertThat(watch.hasEnded()).isFalse();
        var _ = peer.process().destroyForcibly();
        while (!pidfd.hasEnded()) {
          Thread.onSpinWait();
        }
        assertThat(watch.hasEnded()).isTrue();
        watch.close();
      }
    }
  }

  private static LifeWatch watchOf(int pid, Processes.Watch kernel) throws IOException {
    assertThat(maps(pid, "te-life-")).hasSize(1);
    String[] fields = maps(pid, "te-life-").getFirst().split(" +", -1);
    Processes.MemfdFile file = new Processes.MemfdFile(fields[3], Long.parseLong(fields[4]));
    return LifeWatch.of(pid, descriptors(pid, "te-life-").getFirst(), file, kernel);
  }

  @Test
  void nobodyElseCanWriteToIt() throws Exception {
    Held word = new Held();
    String path = "/proc/self/fd/" + word.word.descriptor();
    try (RandomAccessFile opened = new RandomAccessFile(path, "rw")) {
      assertThatThrownBy(() -> opened.write(1)).isInstanceOf(IOException.class);
      assertThatThrownBy(() -> opened.setLength(0)).isInstanceOf(IOException.class);
      assertThatThrownBy(
              () ->
                  MemoryMaps.map(
                      0,
                      LifeWord.bytes(),
                      MemoryMaps.PROT_READ_WRITE,
                      MemoryMaps.MAP_SHARED,
                      word.word.descriptor()))
          .isInstanceOf(NativeCallException.class);
    }
    SharedMapping read =
        SharedMapping.toRead(
            pid, word.word.descriptor(), file(word.word.address()), LifeWord.bytes());
    MemorySegment memory = read.memory();
    assertThatThrownBy(
            () ->
                MemoryMaps.protect(memory.address(), memory.byteSize(), MemoryMaps.PROT_READ_WRITE))
        .isInstanceOf(NativeCallException.class);
    read.close();
    word.end();
    assertNothingLeft();
  }

  /** What others can write to, or cut short, is none. */
  @Test
  void whatIsNotSealedIsRefused() throws Exception {
    for (boolean sealed : new boolean[] {false, true}) {
      int fd = Memfd.of(NAME, LifeWord.bytes(), false, sealed);
      long address =
          MemoryMaps.map(
              0, LifeWord.bytes(), MemoryMaps.PROT_READ_WRITE, MemoryMaps.MAP_SHARED, fd);
      Processes.MemfdFile file = file(address);
      assertThatThrownBy(() -> LifeWatch.of(pid, fd, file, kernel))
          .isInstanceOf(NativeCallException.class)
          .hasMessageContaining("not sealed");
      assertThat(maps(pid, NAME)).hasSize(1);
      MemoryMaps.unmap(address, LifeWord.bytes());
      new FfmSystemCalls().close(fd);
    }
    assertThat(kernel.closed).isFalse();
    assertNothingLeft();
  }

  @Test
  void whatNobodyHoldsOrAnotherHasIsRefused() throws Exception {
    LifeWord unheld = LifeWord.of(NAME);
    assertThatThrownBy(() -> watch(unheld)).isInstanceOf(NativeCallException.class);
    Held word = new Held();
    Processes.MemfdFile other = file(unheld.address());
    assertThatThrownBy(() -> LifeWatch.of(pid, word.word.descriptor(), other, kernel))
        .isInstanceOf(NativeCallException.class);
    assertThatThrownBy(() -> LifeWatch.of(pid, -1, other, kernel))
        .isInstanceOf(NativeCallException.class);
    // The process has ended while its files were looked at, so they may be those of another.
    kernel.ended.set(true);
    assertThatThrownBy(() -> watch(word.word)).isInstanceOf(NativeCallException.class);
    assertThat(kernel.closed).isFalse();
    unheld.discard();
    word.end();
    assertNothingLeft();
  }

  /** As many engines as there are come and go. */
  @Test
  void manyComeAndGo() throws Exception {
    for (int i = 0; i < 200; i++) {
      new Held().end();
    }
    assertNothingLeft();
  }
}
