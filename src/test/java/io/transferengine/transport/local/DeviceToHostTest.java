// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.access.AccessRights;
import io.transferengine.bindings.Cuda;
import io.transferengine.device.CallPlan;
import io.transferengine.device.SimulatedDevices;
import io.transferengine.device.SimulatedIpc;
import io.transferengine.engine.TransferHandle;
import io.transferengine.testkit.Mapped;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Between memory of our devices and host memory of a peer on this machine. */
@Timeout(120)
class DeviceToHostTest {
  private static final long SEED = Long.getLong("seed", System.nanoTime());
  private static final int BYTES = (5 << 20) + 77;

  @TempDir static Path folder;

  private final SimulatedDevices ours =
      new SimulatedDevices(SEED, 1, 64 << 20, SimulatedIpc.in(folder));
  private final SimulatedDevices theirs =
      new SimulatedDevices(SEED + 1, 1, 64 << 20, SimulatedIpc.in(folder));
  private final Random random = new Random(SEED);
  private final DeviceEngine one = new DeviceEngine(ours);
  private final DeviceEngine other = new DeviceEngine(theirs);
  private final long here = ours.memory(0, BYTES);
  private final Mapped host = Mapped.of(BYTES);

  DeviceToHostTest() {
    var _ = one.register(here, BYTES, "cuda:0");
    var _ = other.register(host.address(), BYTES, "*");
  }

  @AfterEach
  void close() {
    one.close();
    other.close();
    DeviceEngine.close(SEED, ours, theirs);
    host.close();
  }

  private byte[] news() {
    byte[] news = new byte[BYTES];
    random.nextBytes(news);
    return news;
  }

  private byte[] hosts() {
    return host.segment().toArray(ValueLayout.JAVA_BYTE);
  }

  private TransferHandle move(DeviceEngine from, Operation operation, BlockColumns blocks)
      throws Exception {
    TransferHandle transfer = from.move(operation, other, blocks);
    assertThat(transfer.state())
        .as(() -> transfer.failure() + ", seed " + SEED)
        .isEqualTo(TransferState.COMPLETED);
    return transfer;
  }

  private void assertBothWays(long device, long there, MemorySegment seen, String transport)
      throws Exception {
    byte[] written = news();
    ours.poke(device, written);
    BlockColumns all = BlockColumns.of(device, there, BYTES);
    assertThat(move(one, Operation.WRITE, all).report().transport()).isEqualTo(transport);
    assertThat(seen.toArray(ValueLayout.JAVA_BYTE)).as("seed %d", SEED).isEqualTo(written);
    byte[] read = news();
    MemorySegment.copy(read, 0, seen, ValueLayout.JAVA_BYTE, 0, BYTES);
    assertThat(move(one, Operation.READ, all).report().transport()).isEqualTo(transport);
    assertThat(ours.peek(device, BYTES)).as("seed %d", SEED).isEqualTo(read);
  }

  @Test
  void registeredMemoryIsCopiedWithoutTheNetwork() throws Exception {
    assertBothWays(here, host.address(), host.segment(), "local");
  }

  @Test
  @SuppressWarnings("restricted") // memory of another engine in this process, by its address
  void managedMemoryIsCopiedWithoutTheNetwork() throws Exception {
    long device = one.core.memory().allocate(BYTES, "cuda:0", AccessRights.READ_WRITE).address();
    long there = other.core.memory().allocate(BYTES, "*", AccessRights.READ_WRITE).address();
    MemorySegment seen = MemorySegment.ofAddress(there).reinterpret(BYTES);
    assertBothWays(device, there, seen, "local");
    one.core.memory().free(device, BYTES);
    other.core.memory().free(there, BYTES);
  }

  /** They are merged to what is larger than the slot that they pass through. */
  @ParameterizedTest
  @ValueSource(ints = {4096, 65536, 524_288, 3 << 20})
  void neighboursPassThroughOneAfterTheOther(int length) throws Exception {
    byte[] written = news();
    ours.poke(here, written);
    move(one, Operation.WRITE, neighbours(length));
    assertThat(hosts()).as("seed %d", SEED).isEqualTo(written);
    byte[] read = news();
    MemorySegment.copy(read, 0, host.segment(), ValueLayout.JAVA_BYTE, 0, BYTES);
    TransferHandle reading = move(one, Operation.READ, neighbours(length));
    assertThat(ours.peek(here, BYTES)).as("seed %d", SEED).isEqualTo(read);
    assertThat(reading.report().transport()).isEqualTo("local");
    assertThat(reading.report().requestsAgain()).isZero();
  }

  /** All bytes, the first block short, and the others of a length. */
  private BlockColumns neighbours(int length) {
    List<long[]> blocks = new ArrayList<>();
    for (long at = 0; at < BYTES; ) {
      long bytes = Math.min(at == 0 ? 4096 : length, BYTES - at);
      blocks.add(new long[] {here + at, host.address() + at, bytes});
      at += bytes;
    }
    return BlockColumns.of(
        blocks.stream().mapToLong(each -> each[0]).toArray(),
        blocks.stream().mapToLong(each -> each[1]).toArray(),
        blocks.stream().mapToLong(each -> each[2]).toArray());
  }

  /** All three kinds of copies in one batch, in any order, at any alignment. */
  @ParameterizedTest
  @EnumSource(Operation.class)
  void kindsAreMixedInOneBatch(Operation operation) throws Exception {
    long device = theirs.memory(0, BYTES);
    try (Mapped mine = Mapped.of(BYTES)) {
      var _ = one.register(mine.address(), BYTES, "*");
      var _ = other.register(device, BYTES, "cuda:0");
      byte[] onDevice = news();
      byte[] onHost = news();
      boolean write = operation == Operation.WRITE;
      if (write) {
        ours.poke(here, onDevice);
        MemorySegment.copy(onHost, 0, mine.segment(), ValueLayout.JAVA_BYTE, 0, BYTES);
      } else {
        theirs.poke(device, onDevice);
        MemorySegment.copy(onHost, 0, host.segment(), ValueLayout.JAVA_BYTE, 0, BYTES);
      }
      // A third of the places for each: device to device, device and host, host to host.
      List<long[]> blocks = new ArrayList<>();
      int kind = 0;
      for (int at = 0; at < BYTES - 9000; kind++) {
        int length = 1 + random.nextInt(9000);
        long local = (kind % 3 == 2 ? mine.address() : here) + at;
        long remote = (kind % 3 == 0 ? device : host.address()) + at;
        blocks.add(new long[] {local, remote, length, kind % 3, at});
        at += length + random.nextInt(7);
      }
      Collections.shuffle(blocks, random);
      BlockColumns columns =
          BlockColumns.of(
              blocks.stream().mapToLong(each -> each[0]).toArray(),
              blocks.stream().mapToLong(each -> each[1]).toArray(),
              blocks.stream().mapToLong(each -> each[2]).toArray());
      assertThat(move(one, operation, columns).report().transport()).isEqualTo("local");
      for (long[] each : blocks) {
        int at = (int) each[4];
        int end = at + (int) each[2];
        boolean fromDevice = each[3] == 0 || (each[3] == 1 && write);
        byte[] expected = Arrays.copyOfRange(fromDevice ? onDevice : onHost, at, end);
        boolean toDevice = each[3] == 0 || (each[3] == 1 && !write);
        byte[] found;
        if (toDevice) {
          found = write ? theirs.peek(device + at, end - at) : ours.peek(here + at, end - at);
        } else {
          MemorySegment to = write ? host.segment() : mine.segment();
          found = to.asSlice(at, end - at).toArray(ValueLayout.JAVA_BYTE);
        }
        assertThat(found).as("kind %d at %d, seed %d", each[3], at, SEED).isEqualTo(expected);
      }
      other.core.memory().unregister(device);
      one.core.memory().unregister(mine.address());
    }
  }

  /** Nothing is told to be there before it is on the device. */
  @Test
  void bytesOfAReadAreOnTheDeviceWhenTheyAreCounted() throws Exception {
    assertBothWays(here, host.address(), host.segment(), "local");
    byte[] read = news();
    MemorySegment.copy(read, 0, host.segment(), ValueLayout.JAVA_BYTE, 0, BYTES);
    ours.hold();
    int before = ours.plan().calls("cuMemcpyHtoDAsync_v2");
    TransferHandle reading =
        one.core.submit(
            TransferRequest.of(
                Operation.READ,
                other.core.segmentName(),
                BlockColumns.of(here, host.address(), BYTES)));
    while (ours.plan().calls("cuMemcpyHtoDAsync_v2") == before) {
      Thread.onSpinWait();
    }
    assertThat(reading.transferredBytes()).isZero();
    ours.letGo();
    assertThat(reading.await(Duration.ofSeconds(60))).isEqualTo(TransferState.COMPLETED);
    assertThat(ours.peek(here, BYTES)).isEqualTo(read);
  }

  @ParameterizedTest
  @ValueSource(strings = {"cuMemcpyDtoHAsync_v2", "cuMemcpyHtoDAsync_v2", "cuEventSynchronize"})
  void aFailedCopyFailsItsTransferAndNothingElse(String call) throws Exception {
    assertBothWays(here, host.address(), host.segment(), "local");
    Operation operation = call.contains("HtoD") ? Operation.READ : Operation.WRITE;
    BlockColumns all = BlockColumns.of(here, host.address(), BYTES);
    for (int code : new int[] {Cuda.CUDA_ERROR_UNKNOWN(), CallPlan.FULL_HEAP}) {
      ours.plan().fail(call, 1, code);
      TransferHandle failed = one.move(operation, other, all);
      assertThat(failed.state()).as(call + " " + code).isEqualTo(TransferState.FAILED);
      ours.plan().heal();
      assertBothWays(here, host.address(), host.segment(), "local");
    }
  }

  /** The first way has no slot; the bytes arrive all the same. */
  @Test
  void withoutASlotItGoesOverTheNetwork() throws Exception {
    // By then TCP has its own.
    ours.plan().failAlways("cuMemHostRegister_v2", Cuda.CUDA_ERROR_OUT_OF_MEMORY());
    assertBothWays(here, host.address(), host.segment(), "tcp");
    ours.plan().heal();
    assertBothWays(here, host.address(), host.segment(), "local");
  }

  @Test
  void itIsEnoughWhereCopiesAreRequired() throws Exception {
    try (DeviceEngine strict = new DeviceEngine(ours, Map.of("TE_LOCAL", "required"))) {
      long memory = ours.memory(0, BYTES);
      var _ = strict.register(memory, BYTES, "cuda:0");
      byte[] written = news();
      ours.poke(memory, written);
      var _ = move(strict, Operation.WRITE, BlockColumns.of(memory, host.address(), BYTES));
      assertThat(hosts()).isEqualTo(written);
    }
  }
}
