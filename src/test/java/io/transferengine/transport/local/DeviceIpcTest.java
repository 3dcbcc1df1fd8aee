// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.transferengine.access.AccessRights;
import io.transferengine.bindings.Cuda;
import io.transferengine.device.SimulatedDevices;
import io.transferengine.device.SimulatedIpc;
import io.transferengine.engine.TransferHandle;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.LogCapture;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Memory of devices of two processes, which one of them opens by handles of the other: as two
 * drivers in one JVM, which share a folder.
 */
@Timeout(120)
class DeviceIpcTest {
  private static final long SEED = Long.getLong("seed", System.nanoTime());
  private static final int BYTES = 4 << 20;
  private static final String TOLD = "some of its transfers of device memory go over the network";

  @TempDir static Path folder;

  private final SimulatedIpc ourIpc = SimulatedIpc.in(folder);
  private final SimulatedIpc theirIpc = SimulatedIpc.in(folder);
  private final SimulatedDevices ours = new SimulatedDevices(SEED, 2, 128 << 20, ourIpc);
  private final SimulatedDevices theirs = new SimulatedDevices(SEED + 1, 2, 128 << 20, theirIpc);
  private final Random random = new Random(SEED);
  private final LogCapture log = LogCapture.withDebug(DeviceMisses.class.getName());
  private final DeviceEngine one = new DeviceEngine(ours);
  private final DeviceEngine other = new DeviceEngine(theirs);
  private final long here = ours.memory(0, BYTES);

  DeviceIpcTest() {
    var _ = one.register(here, BYTES, "cuda:0");
  }

  @AfterEach
  void close() {
    one.close();
    other.close();
    DeviceEngine.close(SEED, ours, theirs);
    log.close();
  }

  private long there(int device) {
    return other.register(theirs.memory(device, BYTES), BYTES, "cuda:" + device);
  }

  private static BlockColumns all(long here, long there) {
    return BlockColumns.of(here, there, BYTES);
  }

  private byte[] fill(SimulatedDevices driver, long address) {
    byte[] news = new byte[BYTES];
    random.nextBytes(news);
    driver.poke(address, news);
    return news;
  }

  private static void assertMoved(TransferHandle transfer) {
    assertThat(transfer.state())
        .as(() -> transfer.failure() + ", seed " + SEED)
        .isEqualTo(TransferState.COMPLETED);
  }

  /** To the other process and back, and all bytes are right. */
  private void assertBothWays(long there) throws Exception {
    byte[] written = fill(ours, here);
    assertMoved(one.move(Operation.WRITE, other, all(here, there)));
    assertThat(theirs.peek(there, BYTES)).as("seed %d", SEED).isEqualTo(written);
    byte[] read = fill(theirs, there);
    assertMoved(one.move(Operation.READ, other, all(here, there)));
    assertThat(ours.peek(here, BYTES)).as("seed %d", SEED).isEqualTo(read);
  }

  private long missed() {
    return one.counted(Counter.LOCAL_DEVICE_TRANSFERS_MISSED);
  }

  /** On the same device, and on another one that ours reaches. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void oneAllocationIsOpenedOnceAndClosedBeforeItIsTakenBack(int device) throws Exception {
    long there = there(device);
    for (int i = 0; i < 3; i++) {
      assertBothWays(there);
    }
    assertThat(missed()).isZero();
    assertThat(one.counted(Counter.LOCAL_DEVICE_ALLOCATIONS_OPENED)).isOne();
    assertThat(ours.opened()).isOne();
    other.core.memory().unregister(there);
    // The simulated driver does not let memory go that another process has open.
    theirs.freeMemory(there);
    assertThat(ours.opened()).isZero();
    long next = there(device);
    // What is known of the peer does not say what this is.
    var _ = one.core.describe(other.core.segmentName());
    assertBothWays(next);
    assertThat(one.counted(Counter.LOCAL_DEVICE_ALLOCATIONS_OPENED)).isEqualTo(2);
  }

  @ParameterizedTest
  @EnumSource(Operation.class)
  void scatteredBlocksAreRight(Operation operation) throws Exception {
    long there = there(0);
    int count = 3000;
    long[] local = new long[count];
    long[] remote = new long[count];
    long[] length = new long[count];
    byte[] from =
        fill(
            operation == Operation.WRITE ? ours : theirs,
            operation == Operation.WRITE ? here : there);
    byte[] to =
        fill(
            operation == Operation.WRITE ? theirs : ours,
            operation == Operation.WRITE ? there : here);
    int at = 0;
    for (int i = 0; i < count; i++) {
      length[i] = 1L + random.nextInt(1300);
      local[i] = here + at;
      remote[i] = there + at;
      System.arraycopy(from, at, to, at, (int) length[i]);
      at += (int) length[i] + random.nextInt(32);
    }
    assertMoved(one.move(operation, other, BlockColumns.of(local, remote, length)));
    assertThat(operation == Operation.WRITE ? theirs.peek(there, BYTES) : ours.peek(here, BYTES))
        .as("seed %d", SEED)
        .isEqualTo(to);
    assertThat(missed()).isZero();
    assertThat(ours.plan().calls("cuLaunchKernel")).isPositive();
    other.core.memory().unregister(there);
  }

  @Test
  void memoryWithoutAHandleGoesOverTheNetwork() throws Exception {
    theirIpc.allocateWithoutHandles();
    long there = there(0);
    assertBothWays(there);
    assertBothWays(there);
    assertThat(missed()).isEqualTo(4);
    assertThat(log.count(TOLD)).isOne();
    assertThat(ours.plan().calls("cuIpcOpenMemHandle_v2")).isZero();
    other.core.memory().unregister(there);
  }

  /** Its blocks are taken back one by one, and whoever has the whole open would not notice. */
  @Test
  void managedMemoryGoesOverTheNetwork() throws Exception {
    long there = other.core.memory().allocate(BYTES, "cuda:0", AccessRights.READ_WRITE).address();
    assertBothWays(there);
    assertThat(missed()).isEqualTo(2);
    assertThat(ours.plan().calls("cuIpcOpenMemHandle_v2")).isZero();
    other.core.memory().free(there, BYTES);
    assertThat(one.move(Operation.WRITE, other, all(here, there)).state())
        .isEqualTo(TransferState.FAILED);
  }

  @Test
  void aDeviceThatOursDoesNotReachIsReachedOverTheNetwork() throws Exception {
    ourIpc.refusePeerAccess();
    long far = there(1);
    long near = there(0);
    assertBothWays(far);
    assertBothWays(far);
    assertThat(missed()).isEqualTo(4);
    assertThat(log.count(TOLD)).isOne();
    // What has failed just now is not tried again each time.
    assertThat(ours.plan().calls("cuIpcOpenMemHandle_v2")).isOne();
    assertThat(one.counted(Counter.LOCAL_DEVICE_ALLOCATIONS_REFUSED)).isOne();
    assertBothWays(near);
    assertThat(missed()).isEqualTo(4);
    other.core.memory().unregister(far);
    other.core.memory().unregister(near);
  }

  @ParameterizedTest
  @ValueSource(strings = {"cuMemGetAddressRange_v2", "cuIpcGetMemHandle"})
  void whatCannotBeOfferedGoesOverTheNetwork(String call) throws Exception {
    theirs.plan().fail(call, 0, Cuda.CUDA_ERROR_UNKNOWN());
    long there = there(0);
    assertBothWays(there);
    assertThat(missed()).isEqualTo(2);
    assertThat(log.count(TOLD)).isOne();
    other.core.memory().unregister(there);
    long next = there(0);
    var _ = one.core.describe(other.core.segmentName());
    assertBothWays(next);
    assertThat(missed()).isEqualTo(2);
    assertThat(one.counted(Counter.LOCAL_DEVICE_ALLOCATIONS_OPENED)).isOne();
  }

  /** Such as a handle of memory that is gone; the bytes arrive all the same. */
  @ParameterizedTest
  @ValueSource(ints = {205, 400, 1, 999})
  void aHandleThatIsRefusedLeadsOverTheNetwork(int code) throws Exception {
    long there = there(0);
    ours.plan().fail("cuIpcOpenMemHandle_v2", 0, code);
    assertBothWays(there);
    assertThat(missed()).isEqualTo(2);
    other.core.memory().unregister(there);
    assertThat(ours.opened()).isZero();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "cuMemcpyDtoDAsync_v2",
        "cuLaunchKernel",
        "cuEventRecord",
        "cuEventSynchronize",
      })
  void aFailedCopyFailsItsTransferAndNothingElse(String call) throws Exception {
    long there = there(0);
    assertBothWays(there);
    long[] local = new long[64];
    long[] remote = new long[64];
    long[] length = new long[64];
    Arrays.setAll(local, i -> here + i * 2000L);
    Arrays.setAll(remote, i -> there + i * 2000L);
    Arrays.fill(length, 1000);
    BlockColumns many = BlockColumns.of(local, remote, length);
    BlockColumns blocks = call.contains("DtoD") ? all(here, there) : many;
    ours.plan().fail(call, 0, Cuda.CUDA_ERROR_UNKNOWN());
    TransferHandle failed = one.move(Operation.WRITE, other, blocks);
    assertThat(failed.state()).isEqualTo(TransferState.FAILED);
    assertThat(failed.failure().orElseThrow()).hasMessageContaining("cuda:0: " + call);
    assertMoved(one.move(Operation.WRITE, other, blocks));
    assertBothWays(there);
    assertThat(missed()).isZero();
    other.core.memory().unregister(there);
  }

  @Test
  void whatCannotBeClosedIsTriedAgainBeforeTheMemoryIsTakenBack() throws Exception {
    long there = there(0);
    assertBothWays(there);
    ours.plan().fail("cuIpcCloseMemHandle", 0, Cuda.CUDA_ERROR_UNKNOWN());
    ours.plan().fail("cuIpcCloseMemHandle", 0, Cuda.CUDA_ERROR_UNKNOWN());
    other.core.memory().unregister(there);
    theirs.freeMemory(there);
    assertThat(ours.opened()).isZero();
  }

  /** It waits for the copies that were begun, and the next is not. */
  @ParameterizedTest
  @EnumSource
  void aCancelIsHeardBetweenTwoCopies(Operation operation) throws Exception {
    int length = 80 << 20;
    long large = one.register(ours.memory(0, length), length, "cuda:0");
    long there = other.register(theirs.memory(0, length), length, "cuda:0");
    ours.hold();
    TransferHandle moving =
        one.core.submit(
            TransferRequest.of(
                operation, other.core.segmentName(), BlockColumns.of(large, there, length)));
    await().until(() -> ours.plan().calls("cuMemcpyDtoDAsync_v2") == 2);
    assertThat(moving.cancel()).isTrue();
    assertThat(moving.state().isTerminal()).isFalse();
    ours.letGo();
    assertThat(moving.await(Duration.ofSeconds(60))).isEqualTo(TransferState.CANCELED);
    assertThat(moving.transferredBytes()).isPositive().isLessThan(length);
    assertThat(ours.plan().calls("cuMemcpyDtoDAsync_v2")).isEqualTo(2);
    assertThat(missed()).isZero();
  }

  @Test
  void aRestartedPeersMemoryIsOpenedAnew() throws Exception {
    SimulatedDevices before = new SimulatedDevices(SEED, 1, BYTES, SimulatedIpc.in(folder));
    DeviceEngine first = new DeviceEngine(before);
    long old = before.memory(0, BYTES);
    var _ = first.register(old, BYTES, "cuda:0");
    assertMoved(one.move(Operation.WRITE, first, all(here, old)));
    assertThat(ours.opened()).isOne();
    first.close();
    // Closing has waited for us.
    before.freeMemory(old);
    assertThat(ours.opened()).isZero();
    assertThat(before.open()).isEmpty();
    before.close();
    assertBothWays(there(0));
  }

  /** Two engines of one process: nothing is opened, since nothing could be. */
  @Test
  void withinOneProcessNothingIsOpened() throws Exception {
    try (DeviceEngine neighbour = new DeviceEngine(ours)) {
      long there = ours.memory(0, BYTES);
      var _ = neighbour.register(there, BYTES, "cuda:0");
      byte[] written = fill(ours, here);
      assertMoved(one.move(Operation.WRITE, neighbour, all(here, there)));
      assertThat(ours.peek(there, BYTES)).isEqualTo(written);
      assertThat(missed()).isZero();
      assertThat(ours.plan().calls("cuIpcOpenMemHandle_v2")).isZero();
      neighbour.core.memory().unregister(there);
    }
  }
}
