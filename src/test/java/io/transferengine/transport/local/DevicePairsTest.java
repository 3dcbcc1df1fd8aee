// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.device.SimulatedDevices;
import io.transferengine.device.SimulatedIpc;
import io.transferengine.engine.TransferHandle;
import io.transferengine.events.EngineEvent;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.HeardEvents;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.Mapped;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferState;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Two engines on one machine, each with host memory and memory of a device: bytes of every kind to
 * every kind, in one batch. A touch of a device's memory by the processor would end this JVM.
 */
@Timeout(120)
class DevicePairsTest {
  private static final long SEED = Long.getLong("seed", System.nanoTime());
  private static final int BYTES = 4 << 20;
  private static final String TOLD = "some of its transfers of device memory go over the network";

  @TempDir static Path folder;

  private final SimulatedDevices ours =
      new SimulatedDevices(SEED, 1, BYTES, SimulatedIpc.in(folder));
  private final SimulatedIpc theirIpc = SimulatedIpc.in(folder);
  private final SimulatedDevices theirs = new SimulatedDevices(SEED + 1, 1, 2 * BYTES, theirIpc);
  private final Random random = new Random(SEED);
  private final LogCapture log = LogCapture.withDebug(DeviceMisses.class.getName());
  private final Mapped here = Mapped.of(BYTES);
  private final Mapped there = Mapped.of(BYTES);
  private final DeviceEngine one = new DeviceEngine(ours);
  private final DeviceEngine other = new DeviceEngine(theirs);
  private final long deviceHere = ours.memory(0, BYTES);
  private final long deviceThere = theirs.memory(0, BYTES);

  DevicePairsTest() {
    var _ = one.register(here.address(), BYTES, "*");
    var _ = one.register(deviceHere, BYTES, "cuda:0");
    var _ = other.register(there.address(), BYTES, "*");
    var _ = other.register(deviceThere, BYTES, "cuda:0");
  }

  @AfterEach
  void close() {
    one.close();
    other.close();
    here.close();
    there.close();
    DeviceEngine.close(SEED, ours, theirs);
    log.close();
  }

  private byte[] content(boolean local, boolean device) {
    if (device) {
      return local ? ours.peek(deviceHere, BYTES) : theirs.peek(deviceThere, BYTES);
    }
    return (local ? here : there).segment().toArray(ValueLayout.JAVA_BYTE);
  }

  private byte[] fill(boolean local, boolean device) {
    byte[] news = new byte[BYTES];
    random.nextBytes(news);
    if (device) {
      (local ? ours : theirs).poke(local ? deviceHere : deviceThere, news);
    } else {
      (local ? here : there).segment().copyFrom(MemorySegment.ofArray(news));
    }
    return news;
  }

  /** In order, so that the pairs take turns; each block lies at one offset on both sides. */
  @ParameterizedTest
  @EnumSource(Operation.class)
  void allPairsAreMovedInOneBatch(Operation operation) throws Exception {
    int count = 2000;
    long[] local = new long[count];
    long[] remote = new long[count];
    long[] length = new long[count];
    boolean[] deviceFrom = new boolean[count];
    boolean[] deviceTo = new boolean[count];
    boolean[] deviceLocal = new boolean[count];
    boolean write = operation == Operation.WRITE;
    int at = 0;
    for (int i = 0; i < count; i++) {
      deviceFrom[i] = random.nextBoolean();
      deviceTo[i] = random.nextBoolean();
      deviceLocal[i] = write ? deviceFrom[i] : deviceTo[i];
      boolean deviceRemote = write ? deviceTo[i] : deviceFrom[i];
      local[i] = at + (deviceLocal[i] ? deviceHere : here.address());
      remote[i] = at + (deviceRemote ? deviceThere : there.address());
      length[i] = 1L + random.nextInt(2 * BYTES / count - 64);
      at += (int) length[i] + random.nextInt(32);
      if (at > BYTES - 2 * BYTES / count) {
        count = i + 1;
      }
    }
    byte[][] from = {fill(write, false), fill(write, true)};
    byte[][] before = {fill(!write, false), fill(!write, true)};
    BlockColumns blocks =
        BlockColumns.of(
            Arrays.copyOf(local, count),
            Arrays.copyOf(remote, count),
            Arrays.copyOf(length, count));
    assertMoved(one.move(operation, other, blocks));
    // Those of them that lie on devices on both sides are copied by the device.
    assertThat(one.counted(Counter.LOCAL_DEVICE_ALLOCATIONS_OPENED)).isOne();
    for (int i = 0; i < count; i++) {
      int start = (int) (local[i] - (deviceLocal[i] ? deviceHere : here.address()));
      int side = deviceFrom[i] ? 1 : 0;
      System.arraycopy(from[side], start, before[deviceTo[i] ? 1 : 0], start, (int) length[i]);
    }
    assertThat(content(!write, false)).as("host memory, seed %d", SEED).isEqualTo(before[0]);
    assertThat(content(!write, true)).as("device memory, seed %d", SEED).isEqualTo(before[1]);
  }

  private static void assertMoved(TransferHandle transfer) {
    assertThat(transfer.state())
        .as(() -> transfer.failure() + ", seed " + SEED)
        .isEqualTo(TransferState.COMPLETED);
  }

  @Test
  void theReasonIsCountedAndToldOnce() throws Exception {
    assertMoved(
        one.move(Operation.WRITE, other, BlockColumns.of(here.address(), there.address(), BYTES)));
    assertThat(one.counted(Counter.LOCAL_DEVICE_TRANSFERS_MISSED)).isZero();
    theirIpc.allocateWithoutHandles();
    long hidden = other.register(theirs.memory(0, 4096), 4096, "cuda:0");
    HeardEvents heard = new HeardEvents();
    one.core.events().add(heard);
    for (int i = 0; i < 3; i++) {
      assertMoved(one.move(Operation.WRITE, other, BlockColumns.of(here.address(), hidden, 4096)));
      assertMoved(one.move(Operation.READ, other, BlockColumns.of(here.address(), hidden, 4096)));
    }
    assertThat(one.counted(Counter.LOCAL_DEVICE_TRANSFERS_MISSED)).isEqualTo(6);
    assertThat(log.count(TOLD)).isOne();
    EngineEvent missed =
        heard.first(EngineEvent.Kind.FALLBACK, Counter.LOCAL_DEVICE_TRANSFERS_MISSED);
    assertThat(missed.peer()).isEqualTo(other.core.segmentName());
    assertThat(missed.what()).isNotEmpty();
    assertThat(log.warnings()).isEmpty();
    other.core.memory().unregister(hidden);
  }

  /** Nothing else may move it: so what is wrong with it is said here. */
  @ParameterizedTest
  @EnumSource(Operation.class)
  void aRangeThatLeavesRegisteredMemoryIsRefusedAsSuch(Operation operation) throws Exception {
    try (DeviceEngine strict = new DeviceEngine(ours, Map.of("TE_LOCAL", "required"))) {
      for (long local : new long[] {here.address(), deviceHere}) {
        var _ = strict.register(local, BYTES, "*");
      }
      for (long local : new long[] {here.address(), deviceHere}) {
        for (long remote : new long[] {there.address(), deviceThere}) {
          assertMoved(strict.move(operation, other, BlockColumns.of(local, remote, 4096)));
          TransferHandle leaving =
              strict.move(operation, other, BlockColumns.of(local, remote + BYTES - 4096, 4097));
          assertThat(leaving.state()).isEqualTo(TransferState.FAILED);
          assertThat(leaving.failure().orElseThrow().code())
              .as(() -> "%s".formatted(leaving.failure()))
              .isEqualTo(ErrorCode.ADDRESS_NOT_REGISTERED);
          assertMoved(strict.move(operation, other, BlockColumns.of(local, remote, BYTES)));
        }
      }
    }
  }
}
