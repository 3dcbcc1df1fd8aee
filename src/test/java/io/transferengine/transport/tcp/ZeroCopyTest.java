// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.uring.IoUring;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.Needs;
import io.transferengine.tls.PeerTls;
import io.transferengine.transfer.TcpIo;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What is sent without a copy of the kernel's keeps its memory in use until nobody may look at it
 * any more: until the peer's kernel has it, or its connection is reset.
 */
@Timeout(60)
class ZeroCopyTest {
  /** The kernel takes all of it at once, and a small receive buffer does not. */
  private static final int BYTES = 256 << 10;

  /** Takes so much, while nobody reads. */
  private static final int RECEIVE_BUFFER = 4096;

  @BeforeEach
  void needsIt() {
    Needs.ofMachine(IoUring.isAvailable(), "the kernel does not allow io_uring");
  }

  private static ServedTarget target(boolean zeroCopy) {
    return new ServedTarget(
        TcpIo.IO_URING,
        BYTES,
        1,
        () -> "0123456789abcdef",
        16,
        _ -> PeerTls.off(),
        zeroCopy ? 16 << 10 : 0);
  }

  /** A peer that has asked for all, and reads nothing; the kernel has taken all that it takes. */
  private static Socket silentReader(ServedTarget target, boolean halfClosed) throws IOException {
    Socket reader = new Socket();
    reader.setReceiveBufferSize(RECEIVE_BUFFER);
    reader.setSoTimeout(20_000);
    reader.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), target.server.port()));
    reader.getOutputStream().write(target.header(BYTES, 0, 0));
    if (halfClosed) {
      reader.shutdownOutput();
    }
    long[] last = {-1, 0};
    Awaitility.await()
        .until(
            () -> {
              long queued =
                  SilentReaderTest.kernelQueue(target.server.port(), reader.getLocalPort());
              last[1] = queued == last[0] ? last[1] + 1 : 0;
              last[0] = queued;
              return queued > BYTES / 2 && last[1] > 5;
            });
    return reader;
  }

  private static CompletableFuture<Void> drain(ServedTarget target, Duration grace)
      throws Exception {
    long start = target.memory.address();
    CompletableFuture<Void> drained = target.server.drain(start, start + BYTES, grace);
    // The loop has looked once.
    target.loops.next().submit(() -> {}).get(20, TimeUnit.SECONDS);
    return drained;
  }

  private static byte[] content(ServedTarget target) {
    return target.memory.segment().toArray(ValueLayout.JAVA_BYTE);
  }

  /** What can still be read, up to the end of the stream or to a reset. */
  private static byte[] rest(Socket reader) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    byte[] buffer = new byte[RECEIVE_BUFFER];
    try {
      int count;
      while ((count = reader.getInputStream().read(buffer)) > 0) {
        all.write(buffer, 0, count);
      }
    } catch (IOException reset) {
      // What had come before it was read.
    }
    return all.toByteArray();
  }

  @ParameterizedTest
  @CsvSource({"false,false", "true,false", "true,true"})
  void memoryIsInUseUntilThePeerHasIt(boolean zeroCopy, boolean halfClosed) throws Exception {
    try (ServedTarget target = target(zeroCopy);
        Socket reader = silentReader(target, halfClosed)) {
      byte[] content = content(target);
      CompletableFuture<Void> drained = drain(target, Duration.ofMinutes(5));
      assertThat(drained.isDone()).as("whether the memory is free").isEqualTo(!zeroCopy);
      assertThat(reader.getInputStream().readNBytes(BYTES)).isEqualTo(content);
      drained.get(20, TimeUnit.SECONDS);
      if (halfClosed) {
        assertThat(reader.getInputStream().read()).as("an orderly end").isEqualTo(-1);
      }
      Awaitility.await()
          .untilAsserted(
              () ->
                  assertThat(target.metrics.snapshot().get(Counter.ZERO_COPY_BYTES_SENT))
                      .isEqualTo(zeroCopy ? BYTES : 0));
    }
  }

  /** The kernel would keep it for minutes behind an orderly close. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whoNeverReadsKeepsNoMemory(boolean halfClosed) throws Exception {
    try (ServedTarget target = target(true);
        Socket reader = silentReader(target, halfClosed)) {
      byte[] content = content(target);
      drain(target, Duration.ZERO).get(20, TimeUnit.SECONDS);
      target.memory.segment().fill((byte) 9);
      byte[] came = rest(reader);
      assertThat(came).isEqualTo(Arrays.copyOf(content, came.length));
      assertThat(came).hasSizeLessThan(BYTES);
    }
  }

  @ParameterizedTest
  @CsvSource({"false,false", "true,false", "true,true"})
  void norDoesAnEngineThatCloses(boolean zeroCopy, boolean halfClosed) throws Exception {
    try (ServedTarget target = target(zeroCopy);
        Socket reader = silentReader(target, halfClosed)) {
      byte[] content = content(target);
      target.server.close(Duration.ofSeconds(5));
      target.loops.close(Duration.ofSeconds(5));
      target.memory.segment().fill((byte) 9);
      byte[] came = rest(reader);
      assertThat(came).isEqualTo(Arrays.copyOf(content, came.length));
      assertThat(came.length < BYTES).isEqualTo(zeroCopy);
    }
  }
}
