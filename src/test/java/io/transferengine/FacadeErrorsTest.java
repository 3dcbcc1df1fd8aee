// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.ChildJvm;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.Mapped;
import io.transferengine.testkit.PeerProcess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RejectedExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the JVM throws comes out of the facade as a status, with the cause in the log. */
@Timeout(90)
class FacadeErrorsTest {
  /** The longest array that {@code readBytesFromBuffer} makes. */
  static final long LONGEST = Integer.MAX_VALUE - 8;

  @TempDir private Path folder;

  @Test
  void whateverIsThrownIsAStatus() {
    try (LogCapture log = new LogCapture()) {
      assertThat(thrown(new OutOfMemoryError("Java heap space"))).isEqualTo(-302);
      assertThat(thrown(new InternalError("a fault in mapped memory"))).isEqualTo(-1);
      assertThat(thrown(new ServiceConfigurationError("no descriptors"))).isEqualTo(-1);
      assertThat(thrown(new NoClassDefFoundError("io/netty/Channel"))).isEqualTo(-1);
      assertThat(thrown(new StackOverflowError())).isEqualTo(-1);
      assertThat(thrown(new RejectedExecutionException("loop ended"))).isEqualTo(-1);
      assertThat(thrown(new Exception("checked"))).isEqualTo(-1);
      assertThat(log.warnings()).hasSize(7).allSatisfy(text -> assertThat(text).contains("thrown"));
    }
  }

  private static int thrown(Throwable what) {
    try {
      return StatusCodes.failed("thrown", what);
    } catch (Throwable escaped) {
      // As an OutOfMemoryError it would end the whole run of tests.
      throw new AssertionError("It came out of the facade", escaped);
    }
  }

  @Test
  void memoryThatTheHeapDoesNotHaveIsAStatus() throws Exception {
    ChildJvm.Result child =
        ChildJvm.run(
            List.of("--enable-native-access=ALL-UNNAMED", "-Xmx64m"),
            ChildJvm.classPath(_ -> true),
            List.of(),
            ReadsTooMuch.class,
            folder.toString());
    assertThat(child.output()).contains("longest 0, large 0, then 0", "-Xmx");
    assertThat(child.exitStatus()).isZero();
  }

  /** Reads more than the heap holds; says how many bytes each call gave. */
  static final class ReadsTooMuch {
    public static void main(String[] folder) throws IOException {
      Path file = Path.of(folder[0], "large");
      try (TransferEngine engine = new TransferEngine();
          Arena arena = Arena.ofShared();
          FileChannel channel = sparse(file, LONGEST)) {
        MemorySegment large = channel.map(FileChannel.MapMode.READ_WRITE, 0, LONGEST, arena);
        require(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "") == 0);
        require(engine.registerMemory(large.address(), LONGEST) == 0);
        System.out.printf(
            "longest %d, large %d, then %d%n",
            engine.readBytesFromBuffer(large.address(), LONGEST).length,
            engine.readBytesFromBuffer(large.address(), 512 << 20).length,
            engine.unregisterMemory(large.address()));
      }
    }

    private static void require(boolean condition) {
      if (!condition) {
        throw new AssertionError();
      }
    }
  }

  @Test
  void aMappingThatCannotBeCheckedIsRefused() throws Exception {
    ChildJvm.Result child =
        ChildJvm.run(
            List.of("bash", "-c", "ulimit -n 300 && exec \"$0\" \"$@\""),
            List.of("--enable-native-access=ALL-UNNAMED"),
            ChildJvm.classPath(_ -> true),
            List.of(),
            RegistersWithoutDescriptors.class);
    assertThat(child.output()).contains("registered: -202", "could not be checked", "ulimit -n");
    assertThat(child.exitStatus()).isZero();
  }

  /** Registers what is not mapped, when there is no descriptor left to find that out. */
  static final class RegistersWithoutDescriptors {
    private static final List<FileChannel> open = new ArrayList<>();

    public static void main(String[] none) {
      try (TransferEngine engine = new TransferEngine()) {
        int initialized = engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "");
        // Loads the classes that say so.
        int refused = engine.registerMemory(0x10000, 4096);
        useUpDescriptors();
        int status = engine.registerMemory(0x10000, 4096);
        closeAll();
        System.out.printf("%d %d registered: %d%n", initialized, refused, status);
      }
    }

    private static void useUpDescriptors() {
      try {
        while (true) {
          open.add(FileChannel.open(Path.of("/dev/null")));
        }
      } catch (IOException none) {
        // That was the last one.
      }
    }

    private static void closeAll() {
      try {
        for (FileChannel channel : open) {
          channel.close();
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private static FileChannel sparse(Path file, long bytes) throws IOException {
    FileChannel channel =
        FileChannel.open(
            file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    channel.write(java.nio.ByteBuffer.wrap(new byte[1]), bytes - 1);
    return channel;
  }

  @Test
  void mappedMemoryThatIsLostIsAStatus() throws IOException {
    int bytes = 1 << 20;
    try (LogCapture log = new LogCapture();
        TransferEngine engine = new TransferEngine();
        Arena arena = Arena.ofShared();
        FileChannel channel = sparse(folder.resolve("lost"), bytes)) {
      long address = channel.map(FileChannel.MapMode.READ_WRITE, 0, bytes, arena).address();
      assertThat(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "")).isZero();
      assertThat(engine.registerMemory(address, bytes)).isZero();
      assertThat(engine.writeBytesToBuffer(address, new byte[] {1, 2}, 2)).isZero();
      channel.truncate(0);
      assertThat(Files.size(folder.resolve("lost"))).isZero();
      assertThat(log.take()).isEmpty();
      for (int length : new int[] {1, 100, 4096, bytes}) {
        assertThat(engine.readBytesFromBuffer(address, length)).isEmpty();
        assertThat(engine.writeBytesToBuffer(address, new byte[length], length)).isEqualTo(-302);
      }
      assertThat(log.take())
          .hasSize(8)
          .allSatisfy(text -> assertThat(text).contains(Long.toHexString(address), "truncated"));
      assertThat(engine.unregisterMemory(address)).isZero();
    }
  }

  @Test
  void anInterruptedTransferSaysSo() throws Exception {
    try (LogCapture log = new LogCapture();
        PeerProcess peer = PeerProcess.start();
        Mapped mine = Mapped.of(4096);
        TransferEngine engine = new TransferEngine()) {
      peer.initialize("127.0.0.1");
      long remote = peer.allocate(4096);
      assertThat(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "")).isZero();
      assertThat(engine.registerMemory(mine.address(), 4096)).isZero();
      peer.stop();
      try {
        FutureTask<Integer> call =
            new FutureTask<>(
                () -> {
                  int status = engine.transferSyncWrite(peer.name(), mine.address(), remote, 4096);
                  assertThat(Thread.currentThread().isInterrupted()).isTrue();
                  return status;
                });
        Thread thread = Thread.ofPlatform().daemon().start(call);
        thread.interrupt();
        assertThat(call.get()).isEqualTo(-1);
        assertThat(log.warnings()).singleElement().asString().contains("interrupted");
      } finally {
        peer.resume();
      }
    }
  }
}
