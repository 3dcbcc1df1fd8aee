// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.Allocation;
import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.Registration;
import io.transferengine.Transfer;
import io.transferengine.TransferEngine;
import io.transferengine.os.ReadableMemory;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;

/**
 * What the API has for memory of a real device, beside copies and transfers: locations that are
 * found, memory of the engine's own, arrays, events, streams, errors. Every byte is compared. For
 * {@code src/test/gpu/run}, on a machine with a device.
 */
final class DeviceApiMain implements AutoCloseable {
  private static final int BYTES = (32 << 20) + 7;

  /** What a stand-in for a driver takes less long for. */
  private static final int FEW_BYTES = (3 << 20) + 7;

  /** Fills behind one another: some milliseconds of work on a stream. */
  private static final int FILLS = 200;

  private static final Duration LIMIT = Duration.ofSeconds(15);

  private final int bytes;
  private final int fills;
  private final Random random;
  private final Engine engine;
  private final Engine peer;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment there;
  private final CudaLibrary driver;
  private final int device;
  private final InContext inContext;

  private DeviceApiMain(long seed, boolean real) {
    bytes = real ? BYTES : FEW_BYTES;
    fills = real ? FILLS : 1;
    random = new Random(seed);
    driver = new CudaLibrary(false, false, true, false);
    device = driver.device(0);
    inContext = new InContext(driver, driver.retainContext(device));
    engine = Engine.open(config());
    peer = Engine.open(config());
    there = arena.allocate(bytes, 4096);
    var _ = peer.register(there);
  }

  private static EngineConfig config() {
    return EngineConfig.builder("127.0.0.1")
        .metadataServer("P2PHANDSHAKE")
        .protocol("tcp")
        .listenAddress("127.0.0.1")
        .local(LocalMode.OFF)
        .build();
  }

  /** {@code DeviceApiMain SEED [no-streams]}; exit status as {@code src/test/gpu/run} says. */
  public static void main(String[] arguments) throws Exception {
    GpuSteps.requireDevice();
    GpuSteps steps = new GpuSteps("the API");
    try (DeviceApiMain check =
        new DeviceApiMain(Long.parseLong(arguments[0]), arguments.length == 1)) {
      steps.step("locations", 20, check::locations);
      steps.step("own memory", 20, check::ownMemory);
      steps.step("events", 20, check::events);
      steps.step("errors", 20, check::errors);
      if (arguments.length == 1) {
        steps.step("streams", 30, check::streams);
      }
      steps.finish();
    }
    steps.exit();
  }

  @Override
  public void close() {
    engine.close();
    peer.close();
    driver.releaseContext(device);
    arena.close();
  }

  private void locations() {
    long memory = inContext.made(() -> driver.allocate(bytes));
    try (Registration found = engine.register(memory + 3, bytes - 3, "*")) {
      // A stand-in for a driver has memory that the processor may touch.
      String expected = ReadableMemory.isAt(memory) ? "*" : "cuda:0";
      GpuSteps.require(
          found.location().equals(expected), "the location found: " + found.location());
    }
    inContext.run(() -> driver.free(memory));
    System.out.println("locations: right");
  }

  private void ownMemory() throws Exception {
    try (TransferEngine one = new TransferEngine();
        TransferEngine other = new TransferEngine()) {
      GpuSteps.require(one.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "") == 0, "initialize");
      GpuSteps.require(other.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "") == 0, "initialize");
      String target = "127.0.0.1:" + other.getRpcPort();
      long ours = one.allocateManagedBuffer(bytes, "cuda:0");
      long theirs = other.allocateManagedBuffer(bytes, "cuda:0");
      GpuSteps.require(ours != 0 && theirs != 0, "allocated: " + ours + " and " + theirs);
      GpuSteps.require(allAre(one.readBytesFromBuffer(ours, bytes), 0), "new memory is not zero");
      byte[] sent = new byte[bytes];
      random.nextBytes(sent);
      GpuSteps.require(one.writeBytesToBuffer(ours, sent, bytes) == 0, "writeBytesToBuffer");
      GpuSteps.require(
          Arrays.equals(one.readBytesFromBuffer(ours, bytes), sent), "bytes read back");
      GpuSteps.require(one.transferSyncWrite(target, ours, theirs, bytes) == 0, "device to device");
      GpuSteps.require(
          Arrays.equals(other.readBytesFromBuffer(theirs, bytes), sent), "bytes at the peer");
      GpuSteps.require(one.freeManagedBuffer(ours, bytes) == 0, "free");
      GpuSteps.require(one.freeManagedBuffer(ours, bytes) == -3, "free again");
    }
    try (Allocation allocation = engine.allocateDevice(0, bytes)) {
      GpuSteps.require(allocation.location().equals("cuda:0"), "location " + allocation.location());
      GpuSteps.require(allocation.length() == bytes, "length " + allocation.length());
    }
    System.out.println("own memory: right");
  }

  private static boolean allAre(byte[] found, int value) {
    for (byte each : found) {
      if (each != (byte) value) {
        return false;
      }
    }
    return found.length > 0;
  }

  private boolean allAreThere(int value) {
    return allAre(there.toArray(ValueLayout.JAVA_BYTE), value);
  }

  private TransferRequest request(Operation operation, long memory) {
    return TransferRequest.of(
        operation, peer.segmentName(), BlockColumns.of(memory, there.address(), bytes));
  }

  /** So many that they are under way still when the next call is made. */
  private void fills(long memory, int value, long stream) {
    inContext.run(
        () -> {
          for (int i = 0; i < fills; i++) {
            driver.fill(memory, (byte) (i < fills - 1 ? ~value : value), bytes, stream);
          }
        });
  }

  private void events() throws Exception {
    try (Allocation memory = engine.allocateDevice(0, bytes)) {
      long stream = inContext.made(driver::createStream);
      long event = inContext.made(driver::createEvent);
      for (int value = 1; value < 20; value++) {
        fills(memory.address(), value, stream);
        inContext.run(() -> driver.record(event, stream));
        Transfer transfer = engine.submit(request(Operation.WRITE, memory.address()).after(event));
        requireMoved(transfer);
        GpuSteps.require(allAreThere(value), "the transfer did not wait for event " + value);
      }
      inContext.run(() -> driver.destroyEvent(event));
      inContext.run(() -> driver.destroyStream(stream));
      for (long wrong : new long[] {8, 12345, -8}) {
        Transfer failed = engine.submit(request(Operation.WRITE, memory.address()).after(wrong));
        GpuSteps.require(failed.await(LIMIT) == TransferState.FAILED, "no event: " + failed);
        GpuSteps.require(
            failed.failure().orElseThrow().code() == ErrorCode.INVALID_ARGUMENT,
            "no event: " + failed.failure());
      }
    }
    System.out.println("events: right");
  }

  private static void requireMoved(Transfer transfer) throws InterruptedException {
    GpuSteps.require(
        transfer.await(LIMIT) == TransferState.COMPLETED, transfer + ", " + transfer.failure());
  }

  private void errors() {
    long freed = inContext.made(() -> driver.allocate(bytes));
    inContext.run(() -> driver.free(freed));
    for (String location : new String[] {"cuda:0", "cuda:99", "cuda:x"}) {
      try (Registration wrong = engine.register(freed, bytes, location)) {
        GpuSteps.require(false, "freed memory was registered: " + wrong);
      } catch (TransferException e) {
        System.out.println("refused, as it should: " + e.getMessage());
      }
    }
    try (Allocation wrong = engine.allocateDevice(0, 1L << 50)) {
      GpuSteps.require(false, "a pebibyte was allocated: " + wrong);
    } catch (TransferException e) {
      GpuSteps.require(e.code() == ErrorCode.MEMORY, "out of memory: " + e);
      System.out.println("refused, as it should: " + e.getMessage());
    }
  }

  private void streams() throws Exception {
    try (TransferEngine ordered = new TransferEngine();
        Arena pinned = Arena.ofConfined()) {
      GpuSteps.require(
          ordered.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "") == 0, "initialize");
      long memory = ordered.allocateManagedBuffer(bytes, "cuda:0");
      long remote = there.address();
      MemorySegment seen = pinned.allocate(bytes, 4096);
      inContext.run(() -> driver.pin(seen.address(), bytes));
      long stream = inContext.made(driver::createStream);
      long[] ids = new long[1];
      for (int round = 1; round < 20; round++) {
        int value = round;
        fills(memory, value, stream);
        ids[0] = ordered.transferWriteOnCuda(peer.segmentName(), memory, remote, bytes, stream);
        GpuSteps.require(ids[0] > 0, "transferWriteOnCuda: " + ids[0]);
        fills(memory, value + 100, stream);
        GpuSteps.require(ordered.getBatchTransferStatus(ids) == 0, "a write on a stream failed");
        GpuSteps.require(allAreThere(value), "a write is not in the order of its stream: " + value);

        there.fill((byte) (value + 50));
        ids[0] = ordered.transferReadOnCuda(peer.segmentName(), memory, remote, bytes, stream);
        GpuSteps.require(ids[0] > 0, "transferReadOnCuda: " + ids[0]);
        inContext.run(() -> driver.copyOut(seen.address(), memory, bytes, stream));
        inContext.run(() -> driver.awaitStream(stream));
        GpuSteps.require(
            allAre(seen.toArray(ValueLayout.JAVA_BYTE), value + 50),
            "work behind a read did not wait for it: " + value);
        GpuSteps.require(ordered.getBatchTransferStatus(ids) == 0, "a read on a stream failed");
      }
      // A transfer that fails lets its stream go on.
      ids[0] = ordered.transferWriteOnCuda(peer.segmentName(), memory, 4096, bytes, stream);
      inContext.run(() -> driver.awaitStream(stream));
      GpuSteps.require(ordered.getBatchTransferStatus(ids) == -1, "a write to nowhere succeeded");
      GpuSteps.require(
          ordered.transferWriteOnCuda(peer.segmentName(), memory, remote, bytes, 12345) == -1,
          "12345 is taken for a stream");
      inContext.run(() -> driver.destroyStream(stream));
      inContext.run(() -> driver.unpin(seen.address()));
    }
    System.out.println("streams: right");
  }
}
