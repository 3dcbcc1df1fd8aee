// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.transferengine.bindings.Cuda;
import io.transferengine.config.Settings;
import io.transferengine.device.CallPlan;
import io.transferengine.device.DeviceLibrary;
import io.transferengine.device.Devices;
import io.transferengine.device.SimulatedDevices;
import io.transferengine.engine.EngineCore;
import io.transferengine.engine.EngineOptions;
import io.transferengine.engine.LocalTopology;
import io.transferengine.engine.TransferHandle;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.Mapped;
import io.transferengine.topology.Topology;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.Transport;
import io.transferengine.transport.TransportContext;
import io.transferengine.transport.TransportProvider;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Device memory of the initiator over TCP, between two engines. The devices are simulated: a touch
 * of their memory by the processor would end this JVM.
 */
@Timeout(180)
class DeviceTransfersTest {
  private static final long SEED = Long.getLong("seed", System.nanoTime());
  private static final int MEMORY = 16 << 20;

  /** Half of what TE_DEVICE_STAGING_BYTES is by default. */
  private static final int OWN_SLOTS = 16;

  private static final Duration LIMIT = Duration.ofSeconds(100);

  private final SimulatedDevices driver = new SimulatedDevices(SEED, 2, MEMORY);
  private final Random random = new Random(SEED);
  private final List<EngineCore> engines = new ArrayList<>();
  private @Nullable TcpTransport made;

  /** TCP, with devices of a test's own. */
  private final class Provider implements TransportProvider {
    @Override
    public String name() {
      return "tcp";
    }

    @Override
    public int priority() {
      return 10;
    }

    @Override
    public Optional<String> unavailabilityCause(TransportContext context) {
      return Optional.empty();
    }

    @Override
    public Transport create(TransportContext context) {
      TcpTransport transport = new TcpTransport(context);
      if (made == null) {
        made = transport;
      }
      return transport;
    }
  }

  private EngineCore engine(Supplier<DeviceLibrary> library, Map<String, String> variables) {
    Map<String, String> options = new HashMap<>(variables);
    options.put("TE_LISTEN_ADDRESS", "127.0.0.1");
    EngineCore core =
        new EngineCore(
            new EngineOptions(
                "127.0.0.1",
                EngineOptions.P2P_HANDSHAKE,
                "tcp",
                "",
                Settings.fromMap(options),
                Optional.empty(),
                Optional.empty(),
                Optional.empty()),
            () -> List.of(new Provider()),
            (_, _) -> new LocalTopology(List.of(), Topology.none(), Optional.empty()),
            new Devices(library));
    engines.add(core);
    return core;
  }

  private static DeviceLibrary noDriver() {
    throw new TransferException(ErrorCode.DEVICE_NOT_FOUND, "no driver", "");
  }

  private int slotsTaken() {
    TcpTransport first = made;
    return first == null ? -1 : first.slotsTaken();
  }

  /** Whoever looks for work may hold one for a moment after the last transfer has ended. */
  private void awaitAllSlots() {
    while (slotsTaken() != 0) {
      Thread.onSpinWait();
    }
  }

  @AfterEach
  void closeAll() {
    engines.reversed().forEach(EngineCore::close);
    assertThat(driver.open()).as("seed %d", SEED).isEmpty();
    driver.close();
  }

  private static TransferHandle move(
      EngineCore from, Operation operation, EngineCore to, BlockColumns blocks) throws Exception {
    TransferHandle transfer = from.submit(TransferRequest.of(operation, to.segmentName(), blocks));
    transfer.await(LIMIT);
    return transfer;
  }

  /** Blocks of device memory, among some of host memory; apart on both sides, by a few bytes. */
  private BlockColumns blocks(long[] sources, long there, int[] lengths) {
    long[] local = new long[lengths.length];
    long[] remote = new long[lengths.length];
    long[] length = new long[lengths.length];
    long[] next = sources.clone();
    long at = there;
    for (int i = 0; i < lengths.length; i++) {
      int source = random.nextInt(sources.length);
      local[i] = next[source] + random.nextInt(20);
      remote[i] = at + random.nextInt(20);
      length[i] = lengths[i];
      next[source] = local[i] + lengths[i];
      at = remote[i] + lengths[i];
    }
    return BlockColumns.of(local, remote, length);
  }

  private byte[] bytesAt(long address, int length, Mapped host) {
    boolean ofHost = address >= host.address() && address < host.address() + host.length();
    return ofHost ? hostBytes(host, address, length) : driver.peek(address, length);
  }

  private static byte[] hostBytes(Mapped host, long address, int length) {
    return host.segment().asSlice(address - host.address(), length).toArray(ValueLayout.JAVA_BYTE);
  }

  @ParameterizedTest
  @ValueSource(strings = {"2", "1"})
  void bytesAreMovedToAndFromAPeerThatNeedsNoDriver(String version) throws Exception {
    EngineCore one = engine(() -> driver, Map.of("MC_TCP_PROTO", version));
    EngineCore other = engine(DeviceTransfersTest::noDriver, Map.of());
    long first = driver.memory(0, MEMORY);
    long second = driver.memory(1, MEMORY);
    byte[] random1 = new byte[MEMORY];
    random.nextBytes(random1);
    driver.poke(first, random1);
    driver.poke(second, random1);
    try (Mapped host = Mapped.of(MEMORY).fill(SEED);
        Mapped there = Mapped.of(MEMORY)) {
      var _ = one.memory().register(first, MEMORY, "cuda:0");
      var _ = one.memory().register(second, MEMORY, "cuda:1");
      var _ = one.memory().register(host.address(), MEMORY, "*");
      var _ = other.memory().register(there.address(), MEMORY, "*");
      long[] all = {first, second, host.address()};
      for (int[] lengths :
          List.of(
              new int[] {1},
              new int[] {4 << 20},
              new int[] {1, 2, 3, 4095, 4096, 4097, 65_537, 1 << 20, (4 << 20) - 1},
              random.ints(1500, 1, 9000).toArray())) {
        BlockColumns blocks = blocks(all, there.address(), lengths);
        there.segment().fill((byte) 0);
        assertMoved(move(one, Operation.WRITE, other, blocks));
        for (int i = 0; i < blocks.count(); i++) {
          int length = (int) blocks.length(i);
          assertThat(hostBytes(there, blocks.remote(i), length))
              .as("written block %d, seed %d", i, SEED)
              .isEqualTo(bytesAt(blocks.local(i), length, host));
        }
        byte[] news = new byte[MEMORY];
        random.nextBytes(news);
        MemorySegment.copy(news, 0, there.segment(), ValueLayout.JAVA_BYTE, 0, MEMORY);
        assertMoved(move(one, Operation.READ, other, blocks));
        for (int i = 0; i < blocks.count(); i++) {
          int length = (int) blocks.length(i);
          int at = (int) (blocks.remote(i) - there.address());
          assertThat(bytesAt(blocks.local(i), length, host))
              .as("read block %d, seed %d", i, SEED)
              .isEqualTo(Arrays.copyOfRange(news, at, at + length));
        }
      }
      awaitAllSlots();
      assertThat(driver.plan().calls("cuLaunchKernel")).isPositive();
      assertThat(one.metrics().get(Counter.DEVICE_BYTES_READ))
          .isEqualTo(one.metrics().get(Counter.DEVICE_BYTES_WRITTEN))
          .isBetween(1L, one.metrics().get(Counter.BYTES_READ) - 1);
      one.memory().unregister(first);
      one.memory().unregister(second);
      one.memory().unregister(host.address());
      other.memory().unregister(there.address());
    }
  }

  private static void assertMoved(TransferHandle transfer) {
    assertThat(transfer.state())
        .as(() -> String.valueOf(transfer.failure()) + ", seed " + SEED)
        .isEqualTo(TransferState.COMPLETED);
  }

  /** More at once than there are slots. */
  @Test
  void manyTransfersShareTheSlots() throws Exception {
    EngineCore one = engine(() -> driver, Map.of());
    EngineCore other = engine(DeviceTransfersTest::noDriver, Map.of());
    long memory = driver.memory(0, MEMORY);
    try (Mapped there = Mapped.of(MEMORY)) {
      var _ = one.memory().register(memory, MEMORY, "cuda:0");
      var _ = other.memory().register(there.address(), MEMORY, "*");
      byte[] bytes = new byte[MEMORY];
      random.nextBytes(bytes);
      driver.poke(memory, bytes);
      int count = 64;
      int length = MEMORY / count;
      List<TransferHandle> all = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        long offset = (long) i * length;
        all.add(
            one.submit(
                TransferRequest.of(
                    Operation.WRITE,
                    other.segmentName(),
                    BlockColumns.of(memory + offset, there.address() + offset, length))));
      }
      for (TransferHandle each : all) {
        each.await(LIMIT);
        assertMoved(each);
      }
      assertThat(there.segment().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(bytes);
      assertThat(one.metrics().get(Counter.DEVICE_BYTES_WRITTEN)).isEqualTo(MEMORY);
      assertThat(other.metrics().get(Counter.DEVICE_BYTES_READ)).isZero();
      awaitAllSlots();
      one.memory().unregister(memory);
      other.memory().unregister(there.address());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "cuMemcpyDtoHAsync_v2",
        "cuMemcpyHtoDAsync_v2",
        "cuLaunchKernel",
        "cuEventRecord",
        "cuEventSynchronize"
      })
  void failedCopiesFailTheirTransferAndNothingElse(String call) throws Exception {
    EngineCore one = engine(() -> driver, Map.of());
    EngineCore other = engine(DeviceTransfersTest::noDriver, Map.of());
    long memory = driver.memory(0, MEMORY);
    try (Mapped host = Mapped.of(MEMORY).fill(3);
        Mapped there = Mapped.of(MEMORY)) {
      var _ = one.memory().register(memory, MEMORY, "cuda:0");
      var _ = one.memory().register(host.address(), MEMORY, "*");
      var _ = other.memory().register(there.address(), MEMORY, "*");
      Operation operation = call.contains("HtoD") ? Operation.READ : Operation.WRITE;
      int[] lengths =
          call.contains("Launch")
              ? random.ints(4000, 1, 3000).toArray()
              : new int[] {4 << 20, 2 << 20};
      BlockColumns blocks = blocks(new long[] {memory}, there.address(), lengths);
      for (int after = 0; after < 4; after++) {
        driver.plan().fail(call, after, Cuda.CUDA_ERROR_UNKNOWN());
        TransferHandle failed = move(one, operation, other, blocks);
        assertThat(failed.state()).as("%s after %d", call, after).isEqualTo(TransferState.FAILED);
        assertThat(failed.failure().orElseThrow()).hasMessageContaining("cuda:0: " + call);
        driver.plan().heal();
      }
      BlockColumns ofHost = BlockColumns.of(host.address(), there.address(), MEMORY);
      assertMoved(move(one, Operation.WRITE, other, ofHost));
      assertThat(there.segment().mismatch(host.segment())).isEqualTo(-1);
      assertMoved(move(one, operation, other, blocks));
      awaitAllSlots();
      one.memory().unregister(memory);
      one.memory().unregister(host.address());
      other.memory().unregister(there.address());
    }
  }

  /** It says nothing about the copy, and there is no memory to put it into words. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "cuMemcpyDtoHAsync_v2",
        "cuEventRecord",
        "cuEventSynchronize",
      })
  void aFullHeapFailsTheTransferAndLeavesNoneWaiting(String call) throws Exception {
    EngineCore one = engine(() -> driver, Map.of());
    EngineCore other = engine(DeviceTransfersTest::noDriver, Map.of());
    long first = driver.memory(0, MEMORY);
    long second = driver.memory(1, MEMORY);
    try (Mapped there = Mapped.of(2 * MEMORY)) {
      var _ = one.memory().register(first, MEMORY, "cuda:0");
      var _ = one.memory().register(second, MEMORY, "cuda:1");
      var _ = other.memory().register(there.address(), 2 * MEMORY, "*");
      // Rounds with a part on each device.
      int[] lengths = new int[64];
      Arrays.fill(lengths, 100_000);
      BlockColumns blocks = blocks(new long[] {first, second}, there.address(), lengths);
      for (int after = 0; after < 4; after++) {
        driver.plan().fail(call, after, CallPlan.FULL_HEAP);
        driver.plan().fail("cuStreamSynchronize", 0, CallPlan.FULL_HEAP);
        TransferHandle failed = move(one, Operation.WRITE, other, blocks);
        assertThat(failed.state()).as("%s after %d", call, after).isEqualTo(TransferState.FAILED);
        assertThat(failed.failure().orElseThrow())
            .hasMessageContaining("there is no memory to say why");
        awaitAllSlots();
        driver.plan().heal();
      }
      assertMoved(move(one, Operation.WRITE, other, blocks));
      awaitAllSlots();
      one.memory().unregister(first);
      one.memory().unregister(second);
      other.memory().unregister(there.address());
    }
  }

  @Test
  void aLostDeviceLeavesHostMemoryAlone() throws Exception {
    EngineCore one = engine(() -> driver, Map.of());
    EngineCore other = engine(DeviceTransfersTest::noDriver, Map.of());
    long memory = driver.memory(0, MEMORY);
    try (Mapped host = Mapped.of(MEMORY).fill(4);
        Mapped there = Mapped.of(MEMORY)) {
      var _ = one.memory().register(memory, MEMORY, "cuda:0");
      var _ = one.memory().register(host.address(), MEMORY, "*");
      var _ = other.memory().register(there.address(), MEMORY, "*");
      driver.plan().fail("cuEventSynchronize", 0, Cuda.CUDA_ERROR_ECC_UNCORRECTABLE());
      BlockColumns blocks = BlockColumns.of(memory, there.address(), MEMORY);
      for (int i = 0; i < 3; i++) {
        TransferHandle failed = move(one, Operation.WRITE, other, blocks);
        assertThat(failed.state()).isEqualTo(TransferState.FAILED);
        assertThat(failed.failure().orElseThrow())
            .hasMessageContaining("cuda:0 is lost to this process");
      }
      assertMoved(
          move(
              one,
              Operation.WRITE,
              other,
              BlockColumns.of(host.address(), there.address(), MEMORY)));
      assertThat(there.segment().mismatch(host.segment())).isEqualTo(-1);
      awaitAllSlots();
      one.memory().unregister(memory);
      one.memory().unregister(host.address());
      other.memory().unregister(there.address());
    }
    closeAllEngines();
    driver.forgetLost();
  }

  private void closeAllEngines() {
    engines.reversed().forEach(EngineCore::close);
    engines.clear();
  }

  /** Of a cancel in the middle: the slots come back, and the engine closes. */
  @Test
  void canceledTransfersGiveTheirSlotsBack() throws Exception {
    EngineCore one = engine(() -> driver, Map.of());
    EngineCore other = engine(DeviceTransfersTest::noDriver, Map.of());
    long memory = driver.memory(0, MEMORY);
    try (Mapped there = Mapped.of(MEMORY)) {
      var _ = one.memory().register(memory, MEMORY, "cuda:0");
      var _ = other.memory().register(there.address(), MEMORY, "*");
      BlockColumns blocks = BlockColumns.of(memory, there.address(), MEMORY);
      for (int i = 0; i < 20; i++) {
        Operation operation = i % 2 == 0 ? Operation.WRITE : Operation.READ;
        TransferHandle transfer =
            one.submit(TransferRequest.of(operation, other.segmentName(), blocks));
        var _ = transfer.cancel();
        transfer.await(LIMIT);
        assertThat(transfer.state()).isIn(TransferState.CANCELED, TransferState.COMPLETED);
      }
      // The next one needs slots, and the last one's may still be on their way back.
      assertMoved(move(one, Operation.WRITE, other, blocks));
      one.memory().unregister(memory);
      other.memory().unregister(there.address());
      assertThat(slotsTaken()).isLessThan(OWN_SLOTS);
    }
  }

  /**
   * Several copies of one transfer are under way before the first is told of, and as many slots on
   * their way as the option says: else its start and its telling are times when nothing moves.
   */
  @ParameterizedTest
  @CsvSource({"WRITE,33554432,8", "READ,33554432,8", "WRITE,8388608,2", "READ,8388608,2"})
  void aLargeTransferHasSlotsUnderWayBeforeTheFirstCopyIsToldOf(
      Operation operation, String bytes, int slots) throws Exception {
    EngineCore one = engine(() -> driver, Map.of("TE_DEVICE_STAGING_BYTES", bytes));
    EngineCore other = engine(DeviceTransfersTest::noDriver, Map.of());
    long memory = driver.memory(0, MEMORY);
    try (Mapped there = Mapped.of(MEMORY)) {
      var _ = one.memory().register(memory, MEMORY, "cuda:0");
      var _ = other.memory().register(there.address(), MEMORY, "*");
      String copies =
          operation == Operation.WRITE ? "cuMemcpyDtoHAsync_v2" : "cuMemcpyHtoDAsync_v2";
      driver.hold();
      TransferHandle transfer =
          one.submit(
              TransferRequest.of(
                  operation,
                  other.segmentName(),
                  BlockColumns.of(memory, there.address(), MEMORY)));
      await().until(() -> slotsTaken() == slots);
      int begun = Math.min(slots, 4);
      await().until(() -> driver.plan().calls(copies) == begun);
      assertThat(transfer.state()).isNotEqualTo(TransferState.COMPLETED);
      driver.letGo();
      transfer.await(LIMIT);
      assertMoved(transfer);
      awaitAllSlots();
      one.memory().unregister(memory);
      other.memory().unregister(there.address());
    } finally {
      driver.letGo();
    }
  }

  @Test
  void memoryThatIsNotWhatItsLocationSaysIsNotRegistered() throws Exception {
    EngineCore one = engine(() -> driver, Map.of());
    long memory = driver.memory(1, 4096);
    assertThatThrownBy(() -> one.memory().register(memory, 4096, "cuda:0"))
        .hasMessageContaining("memory of cuda:1");
    assertThatThrownBy(() -> one.memory().register(memory, 4096, "cuda:7"))
        .hasMessageContaining("no device cuda:7");
    assertThatThrownBy(() -> one.memory().register(memory, 8192, "cuda:1"))
        .hasMessageContaining("has 4096 bytes");
    try (Mapped host = Mapped.of(4096)) {
      assertThatThrownBy(() -> one.memory().register(host.address(), 4096, "cuda:1"))
          .hasMessageContaining("does not know the address");
      var _ = one.memory().register(host.address(), 4096, "*");
      one.memory().unregister(host.address());
    }
    var _ = one.memory().register(memory, 4096, "cuda:1");
    one.memory().unregister(memory);
  }

  @Test
  void withoutADriverTheReasonIsSaid() throws Exception {
    EngineCore one = engine(DeviceTransfersTest::noDriver, Map.of());
    long memory = driver.memory(0, 4096);
    assertThatThrownBy(() -> one.memory().register(memory, 4096, "cuda:0"))
        .hasMessageContaining("device memory (cuda:0) cannot be moved over TCP: no driver")
        .hasFieldOrPropertyWithValue("code", ErrorCode.INVALID_ARGUMENT);
    assertThat(one.memory().regions().size()).isZero();
  }

  @Test
  void whoHasNoDeviceMemoryAsksForNoDriver() throws Exception {
    Supplier<DeviceLibrary> none =
        () -> {
          throw new AssertionError("the driver was asked for");
        };
    EngineCore one = engine(none, Map.of());
    EngineCore other = engine(none, Map.of());
    try (Mapped here = Mapped.of(1 << 20).fill(1);
        Mapped there = Mapped.of(1 << 20)) {
      var _ = one.memory().register(here.address(), 1 << 20, "*");
      var _ = other.memory().register(there.address(), 1 << 20, "*");
      assertMoved(
          move(
              one,
              Operation.WRITE,
              other,
              BlockColumns.of(here.address(), there.address(), 1 << 20)));
      assertThat(there.segment().mismatch(here.segment())).isEqualTo(-1);
      one.memory().unregister(here.address());
      other.memory().unregister(there.address());
    }
  }
}
