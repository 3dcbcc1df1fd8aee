// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.transferengine.bindings.Cuda;
import io.transferengine.config.Options;
import io.transferengine.config.Settings;
import io.transferengine.device.CallPlan;
import io.transferengine.device.Devices;
import io.transferengine.device.PinnedSlots;
import io.transferengine.device.SimulatedDevices;
import io.transferengine.events.EngineEvent;
import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.Audit;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.testkit.HeardEvents;
import io.transferengine.testkit.Mapped;
import io.transferengine.tls.PeerTls;
import io.transferengine.transfer.TcpIo;
import io.transferengine.transport.AccessControl;
import java.io.DataInputStream;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What peers ask of a target's device memory, sent as bytes from plain sockets. The device is
 * simulated: a touch of its memory by the processor would end this JVM.
 */
@ParameterizedClass
@EnumSource(names = {"NIO", "EPOLL"})
@Timeout(60)
class TargetDeviceServingTest {
  private static final long SEED = Long.getLong("seed", System.nanoTime());
  private static final int MEMORY = 8 << 20;

  /** For peers. */
  private static final int SLOTS = 16;

  private static final int READ_1 = 0;
  private static final int WRITE_1 = 1;
  private static final int READ = 0x80;
  private static final int WRITE = 0x81;

  private final Random random = new Random(SEED);
  private final EngineMetrics metrics = new EngineMetrics();
  private final SimulatedDevices driver = new SimulatedDevices(SEED, 1, MEMORY);
  private final Devices devices = new Devices(() -> driver);
  private final DeviceStaging staging =
      new DeviceStaging(devices, metrics, 2L * SLOTS * PinnedSlots.SLOT_BYTES);
  private final RegionTable regions = new RegionTable();
  private final long memory = driver.memory(0, MEMORY);
  private final Mapped host = Mapped.of(MEMORY).fill(SEED);
  private final Region region = regions.register(memory, MEMORY, "cuda:0");
  private final Region ofHost = regions.register(host.address(), MEMORY, "*");
  private final List<Socket> peers = new ArrayList<>();
  private final IoBackend backend;
  private final EventLoops loops;
  private final TargetServer server;

  TargetDeviceServingTest(TcpIo io) {
    staging.register(List.of(region));
    backend = IoBackend.of(io);
    loops = new EventLoops(backend, 2, 65_536, 32L * 65_536, metrics);
    server =
        new TargetServer(
            loops,
            backend,
            regions,
            metrics,
            new AccessControl(Optional.empty(), new Audit(metrics)),
            TcpOptions.of(Settings.builder().set(Options.TCP_LANES_PER_PEER, 1).build()),
            PeerTls.off(),
            () -> "0123456789abcdef",
            staging);
    server.start();
  }

  private Socket peer(String from) throws IOException {
    Socket peer = new Socket();
    peers.add(peer);
    peer.bind(new InetSocketAddress(from, 0));
    peer.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), server.port()));
    peer.setSoTimeout(30_000);
    return peer;
  }

  private Socket peer() throws IOException {
    return peer("127.0.0.1");
  }

  @AfterEach
  void nothingIsLeft() throws IOException {
    driver.letGo();
    for (Socket each : peers) {
      each.close();
    }
    await().until(() -> staging.taken() == 0 && region.inFlight() == 0 && ofHost.inFlight() == 0);
    server.close(Duration.ofSeconds(5));
    loops.close(Duration.ofSeconds(5));
    staging.close();
    devices.close();
    assertThat(driver.open()).as("seed %d", SEED).isEmpty();
    driver.close();
    host.close();
  }

  private byte[] bytes(int length) {
    byte[] made = new byte[length];
    random.nextBytes(made);
    return made;
  }

  private static void send(Socket peer, byte[]... parts) throws IOException {
    for (byte[] part : parts) {
      peer.getOutputStream().write(part);
    }
  }

  private static byte[] receive(Socket peer, int length) throws IOException {
    byte[] got = new byte[length];
    new DataInputStream(peer.getInputStream()).readFully(got);
    return got;
  }

  private static int status(Socket peer) throws IOException {
    return ByteBuffer.wrap(receive(peer, 8)).order(ByteOrder.LITTLE_ENDIAN).getInt();
  }

  private static byte[] header(long size, long address, int opcode) {
    return RequestBytes.header(size, address, opcode);
  }

  /** Answers nothing and closes, with or without a word. */
  private static boolean isEnded(Socket peer) {
    try {
      return peer.getInputStream().read() < 0;
    } catch (IOException reset) {
      return true;
    }
  }

  @Test
  void aStatusComesWhenTheBytesAreOnTheDevice() throws IOException {
    Socket peer = peer();
    long moved = 0;
    for (int length : new int[] {1, 17, 4096, 16_385, 1 << 20, (1 << 20) + 1, 4_000_001}) {
      int at = random.nextInt(MEMORY - length);
      byte[] body = bytes(length);
      send(peer, header(length, memory + at, WRITE), body);
      assertThat(status(peer)).isZero();
      assertThat(driver.peek(memory + at, length)).isEqualTo(body);
      send(peer, header(length, memory + at, READ));
      assertThat(status(peer)).isZero();
      assertThat(receive(peer, length)).isEqualTo(body);
      moved += length;
    }
    long bytes = moved;
    await()
        .untilAsserted(
            () -> {
              assertThat(metrics.snapshot().get(Counter.INBOUND_DEVICE_BYTES_WRITTEN))
                  .isEqualTo(bytes);
              assertThat(metrics.snapshot().get(Counter.INBOUND_DEVICE_BYTES_READ))
                  .isEqualTo(bytes);
            });
  }

  /** Those that have arrived together share copies; their answers come in order. */
  @ParameterizedTest
  @ValueSource(ints = {WRITE_1, WRITE})
  void manySmallWritesArriveEachInItsPlace(int opcode) throws IOException {
    Socket peer = peer();
    byte[] expected = driver.peek(memory, MEMORY);
    byte[] hosts = host.segment().toArray(ValueLayout.JAVA_BYTE);
    List<byte[]> parts = new ArrayList<>();
    int count = 3000;
    for (int i = 0; i < count; i++) {
      byte[] body = bytes(1 + random.nextInt(i % 50 == 0 ? 30_000 : 300));
      int at = random.nextInt(MEMORY - body.length);
      boolean device = random.nextInt(10) != 0;
      parts.add(header(body.length, (device ? memory : host.address()) + at, opcode));
      parts.add(body);
      System.arraycopy(body, 0, device ? expected : hosts, at, body.length);
    }
    CompletableFuture<Void> sent =
        CompletableFuture.runAsync(
            () -> {
              try {
                send(peer, parts.toArray(byte[][]::new));
              } catch (IOException e) {
                throw new AssertionError(e);
              }
            });
    for (int i = 0; i < count && opcode == WRITE; i++) {
      assertThat(status(peer)).isZero();
    }
    sent.join();
    // Behind all of them.
    send(peer, header(1, memory, opcode == WRITE ? READ : READ_1));
    assertThat(receive(peer, opcode == WRITE ? 9 : 1)).isNotEmpty();
    assertThat(driver.peek(memory, MEMORY)).as("seed %d", SEED).isEqualTo(expected);
    assertThat(host.segment().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(hosts);
    if (opcode == WRITE) {
      assertThat(driver.plan().calls("cuEventRecord")).as("copies").isLessThan(count);
    }
  }

  /** On one connection, and on another of the host, as C++ initiators do. */
  @Test
  void aVersion1ReadSeesTheWriteThatWasSentBeforeIt() throws IOException {
    for (int i = 0; i < 30; i++) {
      byte[] body = bytes(300_000);
      Socket writer = peer();
      if (i % 2 == 0) {
        driver.hold();
      }
      send(writer, header(body.length, memory, WRITE_1), body);
      if (i % 3 == 0) {
        writer.shutdownOutput();
      }
      Socket reader = i % 3 == 1 ? writer : peer();
      send(reader, header(body.length, memory, READ_1));
      driver.letGo();
      assertThat(receive(reader, body.length)).as("round %d, seed %d", i, SEED).isEqualTo(body);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "cuMemcpyHtoDAsync_v2",
        "cuMemcpyDtoHAsync_v2",
        "cuEventRecord",
        "cuEventSynchronize"
      })
  void aFailedCopyIsRefusedAndLeavesOthersAlone(String call) throws IOException {
    int length = 3 << 20;
    boolean read = call.contains("DtoH");
    for (int code : new int[] {Cuda.CUDA_ERROR_UNKNOWN(), CallPlan.FULL_HEAP}) {
      for (int after = 0; after < 3; after++) {
        Socket other = peer();
        send(other, header(1000, host.address(), WRITE), bytes(500));
        Socket peer = peer();
        driver.plan().fail(call, after, code);
        send(peer, header(length, memory, read ? READ : WRITE));
        if (read) {
          // A status that promised the rest is behind by then: then the answer is cut short.
          if (after == 0) {
            assertThat(status(peer)).isNotZero();
          } else {
            assertThat(peer.getInputStream().readAllBytes()).hasSizeLessThan(length);
          }
        } else {
          CompletableFuture<Void> sent = sendAside(peer, bytes(length));
          assertThat(status(peer)).isNotZero();
          peer.close();
          sent.join();
        }
        driver.plan().heal();
        send(other, bytes(500));
        assertThat(status(other)).isZero();
        send(other, header(4096, memory, READ));
        assertThat(status(other)).isZero();
        assertThat(receive(other, 4096)).hasSize(4096);
        // Behind what the failed request has begun in both directions: that would take the next
        // failure for itself.
        send(other, header(4096, memory, WRITE), bytes(4096));
        assertThat(status(other)).isZero();
      }
    }
  }

  private static CompletableFuture<Void> sendAside(Socket peer, byte[] bytes) {
    return CompletableFuture.runAsync(
        () -> {
          try {
            send(peer, bytes);
          } catch (IOException refused) {
            // It reads no further.
          }
        });
  }

  @Test
  void aVersion1PeerIsToldOfAFailedCopyByAReset() throws IOException {
    Socket peer = peer();
    driver.plan().fail("cuMemcpyHtoDAsync_v2", 0, Cuda.CUDA_ERROR_UNKNOWN());
    send(peer, header(1000, memory, WRITE_1), bytes(1000));
    assertThat(isEnded(peer)).isTrue();
  }

  /**
   * Whoever begins a body and stops, or does not take an answer, keeps half of the slots at most.
   */
  @ParameterizedTest
  @ValueSource(ints = {READ, WRITE})
  void peersThatHangLeaveSlotsToOthers(int opcode) throws IOException {
    HeardEvents heard = new HeardEvents();
    metrics.events().add(heard);
    int hanging = SLOTS + 4;
    for (int i = 0; i < hanging; i++) {
      Socket peer = peer();
      if (opcode == WRITE) {
        send(peer, header(PinnedSlots.SLOT_BYTES, memory, WRITE), bytes(1000));
      } else {
        send(peer, header(MEMORY, memory, READ));
      }
    }
    await().until(() -> staging.taken() == SLOTS / 2);
    await()
        .until(() -> metrics.snapshot().counters().getOrDefault(Counter.DEVICE_SLOTS_DRY, 0L) > 0);
    assertThat(heard.first(EngineEvent.Kind.LIMIT_REACHED, Counter.DEVICE_SLOTS_DRY).transport())
        .isEqualTo("tcp");
    Socket other = peer("127.0.0.2");
    byte[] body = bytes(5 << 20);
    send(other, header(body.length, memory, WRITE), body);
    assertThat(status(other)).isZero();
    assertThat(driver.peek(memory, body.length)).isEqualTo(body);
    assertThat(staging.taken()).isEqualTo(SLOTS / 2);
    // And those that are there go on when their peers do.
    List<CompletableFuture<Void>> rest = new ArrayList<>();
    try (ExecutorService threads = Executors.newCachedThreadPool()) {
      for (Socket peer : List.copyOf(peers).subList(0, hanging)) {
        rest.add(CompletableFuture.runAsync(() -> goOn(peer, opcode), threads));
      }
      rest.forEach(CompletableFuture::join);
    }
  }

  private static void goOn(Socket peer, int opcode) {
    try {
      if (opcode == WRITE) {
        send(peer, new byte[PinnedSlots.SLOT_BYTES - 1000]);
      }
      assertThat(status(peer)).isZero();
      if (opcode == READ) {
        assertThat(receive(peer, MEMORY)).hasSize(MEMORY);
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void peersThatAreGoneInTheMiddleOfACopyLeaveNoSlot() throws IOException {
    for (int opcode : new int[] {READ, WRITE, READ_1, WRITE_1}) {
      driver.hold();
      List<Socket> killed = new ArrayList<>();
      // Those of version 1 wait for each other.
      int count = opcode < READ ? 1 : 5;
      for (int i = 0; i < count; i++) {
        Socket peer = peer();
        killed.add(peer);
        send(peer, header(100_000, memory, opcode), bytes((opcode & 1) * 100_000));
      }
      await().until(() -> staging.taken() == count);
      for (Socket peer : killed) {
        peer.setSoLinger(true, 0);
        peer.close();
      }
      if (backend == IoBackend.EPOLL) {
        // NIO hears of a reset only when it reads again.
        await().until(() -> server.connectionCount() == 0);
      }
      // The device is still at it.
      assertThat(region.inFlight()).isEqualTo(count);
      assertThat(staging.taken()).isEqualTo(count);
      driver.letGo();
      await().until(() -> staging.taken() == 0 && region.inFlight() == 0);
      await().until(() -> server.connectionCount() == 0);
    }
  }

  /** As of staged host memory: the range is in use until the device does not touch it any more. */
  @Test
  void memoryIsInUseUntilItsCopiesAreOver() throws Exception {
    driver.hold();
    Socket peer = peer();
    send(peer, header(100_000, memory, WRITE), bytes(100_000));
    await().until(() -> staging.taken() == 1);
    boolean _ = region.refuse();
    CompletableFuture<Void> drained = server.drain(memory, memory + MEMORY, Duration.ofMillis(50));
    drained.get(30, TimeUnit.SECONDS);
    assertThat(region.awaitIdle(Duration.ZERO)).isFalse();
    driver.letGo();
    assertThat(region.awaitIdle(Duration.ofSeconds(30))).isTrue();
  }
}
