// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.bindings.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.StringJoiner;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * What CUDA's manual does not say and the library relies on, asked of a real driver. First of all,
 * for {@code src/test/gpu/run}: whatever else goes wrong, these answers are there.
 */
final class DeviceUnknownsMain {
  private static final long BYTES = 4 << 20;

  /** A call that takes longer is taken to wait for the stream. */
  private static final long PATIENCE_MILLIS = 2000;

  private static final int END_SECONDS = 15;

  /** With what this driver has: not all have flushes. */
  private final DeviceLibrary driver = Devices.LOADER.library();

  private final int device = driver.device(0);
  private final long context = driver.retainContext(device);
  private final InContext inContext = new InContext(driver, context);
  private final Arena arena = Arena.ofShared();

  private DeviceUnknownsMain() {}

  /** {@code DeviceUnknownsMain SEED [alone]}; without a second process if alone. */
  public static void main(String[] arguments) throws Exception {
    GpuSteps.requireDevice();
    GpuSteps steps = new GpuSteps("unknowns");
    DeviceUnknownsMain check = new DeviceUnknownsMain();
    if (arguments[0].equals("peer")) {
      check.serve();
      return;
    }
    steps.step("the context of memory", 20, check::contexts);
    steps.step("calls behind a stream that stands still", 60, check::calls);
    steps.step("a flush behind a stream that stands still", 40, check::flush);
    if (arguments.length == 1) {
      try (GpuPeer peer = new GpuPeer(GpuPeer.start(DeviceUnknownsMain.class))) {
        steps.step("handles behind a stream that stands still", 60, () -> check.handles(peer));
        steps.finish();
      }
    } else {
      steps.finish();
    }
    steps.exit();
  }

  /** DeviceRange refuses memory of other contexts than the one that is retained. */
  private void contexts() {
    long memory = inContext.made(() -> driver.allocate(BYTES));
    long owning = known(Cuda.CU_POINTER_ATTRIBUTE_CONTEXT(), memory);
    System.out.printf(
        "memory of the primary context 0x%x has CU_POINTER_ATTRIBUTE_CONTEXT 0x%x: %s%n",
        context, owning, owning == context ? "the same" : "ANOTHER");
    System.out.printf(
        "its type is %d, ordinal %d, IPC capable %d, range 0x%x of %d bytes, allocated 0x%x of %d%n",
        known(Cuda.CU_POINTER_ATTRIBUTE_MEMORY_TYPE(), memory),
        known(Cuda.CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL(), memory),
        known(Cuda.CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE(), memory),
        known(Cuda.CU_POINTER_ATTRIBUTE_RANGE_START_ADDR(), memory),
        known(Cuda.CU_POINTER_ATTRIBUTE_RANGE_SIZE(), memory),
        memory,
        BYTES);
    inContext.run(() -> DeviceRange.require(driver, 0, context, memory, BYTES));
    inContext.run(() -> driver.free(memory));
    System.out.println(
        "freed memory is known to the driver: "
            + driver.pointerAttribute(Cuda.CU_POINTER_ATTRIBUTE_MEMORY_TYPE(), memory).isPresent());
  }

  private long known(int attribute, long address) {
    return DeviceRange.attribute(driver, attribute, address);
  }

  /** What the engine does while a stream of the caller's may stand still for a transfer. */
  private void calls() throws Exception {
    MemorySegment host = arena.allocate(BYTES, 4096);
    long[] memory = new long[1];
    behindAStream("cuMemAlloc_v2", () -> memory[0] = driver.allocate(BYTES));
    behindAStream("cuMemHostRegister_v2", () -> driver.pin(host.address(), BYTES));
    long[] stream = new long[1];
    behindAStream("cuStreamCreate", () -> stream[0] = driver.createStream());
    behindAStream(
        "a copy on another stream",
        () -> {
          driver.copyOut(host.address(), memory[0], BYTES, stream[0]);
          driver.awaitStream(stream[0]);
        });
    behindAStream("cuStreamDestroy_v2", () -> driver.destroyStream(stream[0]));
    behindAStream("cuMemHostUnregister", () -> driver.unpin(host.address()));
    behindAStream("cuMemFree_v2", () -> driver.free(memory[0]));
  }

  /** What a network card's worker and a notification do, for devices that see writes late. */
  private void flush() throws Exception {
    behindAStream(
        "cuDevicePrimaryCtxRetain and its end",
        () -> {
          long same = driver.retainContext(device);
          driver.releaseContext(device);
          GpuSteps.require(same == context, "another primary context");
        });
    DeviceExports exports = new DeviceExports(() -> driver);
    System.out.println("sees writes over RDMA in order: " + exports.seesWritesInOrder(0));
    if (exports.canFlush(0)) {
      behindAStream("cuFlushGPUDirectRDMAWrites", driver::flushWrites);
    } else {
      System.out.println("this driver has no cuFlushGPUDirectRDMAWrites for the device");
    }
  }

  private void handles(GpuPeer peer) throws Exception {
    String[] words = peer.line().split(" ", -1);
    MemorySegment handle = arena.allocate(ValueLayout.JAVA_LONG, SharedAllocation.HANDLE_WORDS);
    for (int i = 0; i < SharedAllocation.HANDLE_WORDS; i++) {
      handle.setAtIndex(ValueLayout.JAVA_LONG, i, Long.parseLong(words[i]));
    }
    long[] opened = new long[1];
    behindAStream("cuIpcOpenMemHandle_v2", () -> opened[0] = driver.openMemory(handle));
    behindAStream("cuIpcCloseMemHandle", () -> driver.closeMemory(opened[0]));
    // Once more: the first one may have made what peers need.
    behindAStream("cuIpcOpenMemHandle_v2, again", () -> opened[0] = driver.openMemory(handle));
    inContext.run(() -> driver.closeMemory(opened[0]));
    peer.end();
  }

  private void serve() throws Exception {
    long memory = inContext.made(() -> driver.allocate(BYTES));
    MemorySegment handle = arena.allocate(ValueLayout.JAVA_LONG, SharedAllocation.HANDLE_WORDS);
    inContext.run(() -> driver.exportMemory(memory, handle));
    StringJoiner words = new StringJoiner(" ");
    Arrays.stream(handle.toArray(ValueLayout.JAVA_LONG))
        .forEach(each -> words.add(Long.toString(each)));
    System.out.println(words);
    while (System.in.read() >= 0) {
      // Nothing is asked of it.
    }
    inContext.run(() -> driver.free(memory));
  }

  /** Makes a call while a stream waits for a word, and says whether it waited for that stream. */
  private void behindAStream(String what, Runnable call) throws Exception {
    MemorySegment word = arena.allocate(4096, 4096);
    inContext.run(() -> driver.pin(word.address(), word.byteSize()));
    long stream = inContext.made(driver::createStream);
    inContext.run(() -> driver.hold(stream, word.address(), 1));
    CountDownLatch over = new CountDownLatch(1);
    Throwable[] thrown = new Throwable[1];
    long start = System.nanoTime();
    Thread thread =
        Thread.ofPlatform()
            .daemon()
            .start(
                () -> {
                  try {
                    inContext.run(call);
                  } catch (Throwable t) {
                    thrown[0] = t;
                  }
                  over.countDown();
                });
    boolean free = over.await(PATIENCE_MILLIS, TimeUnit.MILLISECONDS);
    double millis = (System.nanoTime() - start) / 1e6;
    word.set(ValueLayout.JAVA_INT, 0, 1);
    boolean ended = over.await(END_SECONDS, TimeUnit.SECONDS);
    System.out.printf(
        "%s %s%n",
        what,
        free
            ? "does not wait for a stream that stands still: %.2f ms".formatted(millis)
            : "WAITS for a stream that stands still" + (ended ? "" : ", and does not end then"));
    GpuSteps.require(ended, what + " does not end");
    thread.join();
    inContext.run(() -> driver.awaitStream(stream));
    inContext.run(() -> driver.destroyStream(stream));
    inContext.run(() -> driver.unpin(word.address()));
    if (thrown[0] != null) {
      throw new AssertionError(what + ": " + thrown[0].getMessage(), thrown[0]);
    }
  }
}
