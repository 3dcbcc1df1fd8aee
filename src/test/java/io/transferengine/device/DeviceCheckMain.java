// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.memory.MemoryKind;
import io.transferengine.os.ReservedMemory;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Copies between a real device and pinned memory, compared byte by byte, and then how fast. For
 * {@code src/test/gpu/run}, on a machine with a device.
 */
final class DeviceCheckMain {
  private static final int DEFAULT_MIB = 256;
  private static final int ROUNDS = 20;

  private final int deviceBytes;
  private final int hostBytes;
  private final Device device;
  private final Random random;
  private final MemorySegment host;
  private final MemorySegment mirror;
  private final long memory;

  private DeviceCheckMain(Device device, long seed, int mebibytes, Arena arena) {
    deviceBytes = mebibytes << 20;
    hostBytes = Math.min(deviceBytes, CopyList.BYTES_LIMIT);
    this.device = device;
    this.random = new Random(seed);
    host = arena.allocate(hostBytes, 4096);
    mirror = arena.allocate(deviceBytes, 4096);
    memory = device.allocate(deviceBytes);
    device.pin(host.address(), hostBytes);
  }

  /**
   * {@code DeviceCheckMain SEED [bytes|rates|all [MIB]]}; exit status as {@code src/test/gpu/run}
   * says.
   */
  public static void main(String[] arguments) throws Exception {
    GpuSteps.requireDevice();
    GpuSteps steps = new GpuSteps("one device");
    String which = arguments.length > 1 ? arguments[1] : "all";
    try (Devices devices = new Devices();
        Arena arena = Arena.ofShared()) {
      Device device = devices.of(MemoryKind.at("cuda:0"));
      System.out.println(device + ", kernel: " + device.hasKernel());
      int mebibytes = arguments.length > 2 ? Integer.parseInt(arguments[2]) : DEFAULT_MIB;
      DeviceCheckMain check =
          new DeviceCheckMain(device, Long.parseLong(arguments[0]), mebibytes, arena);
      try {
        if (!which.equals("rates")) {
          steps.step("what is refused", 20, check::errors);
          steps.step("bytes in and out", 60, check::bytes);
          steps.step("bytes within the device", 30, check::pairs);
          steps.step("handles", 10, check::handles);
          steps.step("what network cards need", 20, check::exports);
        }
        if (!which.equals("bytes")) {
          DeviceRates rates = new DeviceRates(device, check.memory, check.deviceBytes, check.host);
          steps.step("rates", 45, rates::all);
          steps.step("the kernel alone", 20, () -> rates.kernelAlone(Devices.LOADER.library()));
        }
        steps.finish();
      } finally {
        device.unpin(check.host.address());
        device.free(check.memory);
      }
    }
    steps.exit();
  }

  /**
   * Scattered ranges from one half of the memory to the other, by one copy, and one large range.
   */
  private void pairs() throws Exception {
    int half = Math.min(deviceBytes / 2, hostBytes);
    byte[] source = new byte[half];
    random.nextBytes(source);
    byte[] expected = new byte[half];
    MemorySegment.copy(source, 0, host, ValueLayout.JAVA_BYTE, 0, half);
    CopyList first = new CopyList();
    first.add(memory, half);
    copy(false, first);
    CopyList second = new CopyList();
    second.add(memory + half, half);
    PairList list = new PairList();
    try (PairCopier copier = device.pairCopier()) {
      list.add(memory, memory + half, half);
      copier.copy(list);
      copy(true, second);
      GpuSteps.require(
          Arrays.equals(host.asSlice(0, half).toArray(ValueLayout.JAVA_BYTE), source),
          "one large range within the device");
      host.asSlice(0, half).fill((byte) 0);
      copy(false, second);
      list.clear();
      int at = 0;
      while (list.count() < 1000 && at < half - 20_000) {
        int length = 1 + random.nextInt(9000);
        int to = at + random.nextInt(16);
        list.add(memory + at, memory + half + to, length);
        System.arraycopy(source, at, expected, to, length);
        at = to + length + random.nextInt(64);
      }
      copier.copy(list);
      copy(true, second);
      GpuSteps.require(
          Arrays.equals(host.asSlice(0, half).toArray(ValueLayout.JAVA_BYTE), expected),
          list.count() + " ranges within the device");
    }
    System.out.println("within the device: right, " + list.count() + " ranges");
  }

  /** The driver opens no handle of its own process; that of CudaLibraryTest does. */
  private void handles() {
    SharedAllocation own = device.share(memory, deviceBytes);
    SharedAllocation other =
        new SharedAllocation(own.handle(), own.base(), own.length(), ~own.process(), 0);
    try {
      long opened = device.openShared(other);
      device.closeShared(opened);
      System.out.println("own handle: opened, in the same place: " + (opened == own.base()));
    } catch (TransferException e) {
      System.out.println("own handle: refused, as it should: " + e.getMessage());
    }
  }

  private void copy(boolean out, CopyList list) throws Exception {
    CompletableFuture<Boolean> done = new CompletableFuture<>();
    CopyCompletion told =
        failure -> {
          if (failure == null) {
            done.complete(true);
          } else {
            done.completeExceptionally(failure);
          }
        };
    if (out) {
      device.copyOut(list, host.address(), told);
    } else {
      device.copyIn(list, host.address(), told);
    }
    done.get(60, TimeUnit.SECONDS);
  }

  private void errors() {
    device.require(memory, deviceBytes);
    device.require(memory + deviceBytes - 1, 1);
    for (long[] wrong :
        new long[][] {
          {memory, deviceBytes + (4L << 20)}, {host.address(), 1}, {mirror.address(), 1}
        }) {
      boolean refused = false;
      try {
        device.require(wrong[0], wrong[1]);
      } catch (TransferException e) {
        System.out.println("refused, as it should: " + e.getMessage());
        refused = true;
      }
      GpuSteps.require(refused, "a range that is not the device's is taken for its own");
    }
    try {
      var _ = device.allocate(1L << 50);
      GpuSteps.require(false, "a pebibyte was allocated");
    } catch (TransferException e) {
      System.out.println("refused, as it should: " + e.getMessage());
    }
  }

  /** What is written by one way is read by another: plain copies know no table. */
  private void bytes() throws Exception {
    byte[] piece = new byte[hostBytes];
    for (long at = 0; at < deviceBytes; at += hostBytes) {
      random.nextBytes(piece);
      MemorySegment.copy(piece, 0, host, ValueLayout.JAVA_BYTE, 0, hostBytes);
      MemorySegment.copy(host, 0, mirror, at, hostBytes);
      copy(false, one(at, hostBytes));
    }
    compareAll("plain copies");
    int rounds = DeviceMoves.rounds(ROUNDS, 30, round -> round(round, piece));
    System.out.println("bytes: right in " + rounds + " rounds both ways");
  }

  private void round(int round, byte[] piece) throws Exception {
    CopyList list = scattered(1 + random.nextInt(CopyList.RANGES_LIMIT - 1), 40_000);
    copy(true, list);
    walk(list, true);
    random.nextBytes(piece);
    MemorySegment.copy(piece, 0, host, ValueLayout.JAVA_BYTE, 0, (int) list.bytes());
    walk(list, false);
    copy(false, list);
    compareAll("round " + round + " of " + list.count() + " ranges");
  }

  /** Compares what lies in the host memory with the mirror, or puts it there. */
  private void walk(CopyList list, boolean compare) {
    long at = 0;
    for (int i = 0; i < list.count(); i++) {
      long offset = list.address(i) - memory;
      long length = list.length(i);
      MemorySegment here = host.asSlice(at, length);
      if (compare) {
        GpuSteps.require(
            here.mismatch(mirror.asSlice(offset, length)) == -1,
            "range %d: %d bytes from offset %d".formatted(i, length, offset));
      } else {
        mirror.asSlice(offset, length).copyFrom(here);
      }
      at += length;
    }
  }

  private void compareAll(String what) throws Exception {
    for (long at = 0; at < deviceBytes; at += hostBytes) {
      copy(true, one(at, hostBytes));
      GpuSteps.require(
          host.mismatch(mirror.asSlice(at, hostBytes)) == -1, what + ", near offset " + at);
    }
  }

  /** As network cards ask for them. The range is in the middle of pages. */
  private void exports() {
    DeviceExports exports = new DeviceExports();
    System.out.println("at PCI address " + exports.pciAddress(0));
    exports.require(0, memory, deviceBytes);
    exports.synchronizeCopies(0, memory);
    boolean canFlush = exports.canFlush(0);
    System.out.println(
        "sees what network cards write in order: "
            + exports.seesWritesInOrder(0)
            + ", can wait for it: "
            + canFlush);
    if (canFlush) {
      exports.flush(0);
    }
    String whyNot = exports.whyNoDmaBufs(true, 0);
    if (!whyNot.isEmpty()) {
      System.out.println("no dma-buf: " + whyNot);
      return;
    }
    long inside = memory + 123_457;
    Path file;
    try (DmaBuf exported = exports.export(0, inside, deviceBytes / 2)) {
      file = Path.of("/proc/self/fd/" + exported.descriptor());
      GpuSteps.require(Files.exists(file), "no descriptor " + file);
      long page = ReservedMemory.pageBytes();
      GpuSteps.require(
          exported.offsetOf(inside) == (inside & (page - 1)), "the offset in the dma-buf");
    }
    GpuSteps.require(!Files.exists(file), "a descriptor stays open: " + file);
    System.out.println("a dma-buf was exported and closed");
  }

  private CopyList one(long offset, long length) {
    CopyList list = new CopyList();
    list.add(memory + offset, length);
    return list;
  }

  private CopyList scattered(int count, int most) {
    CopyList list = new CopyList();
    long at = 0;
    for (int i = 0; i < count; i++) {
      at += random.nextInt(1, 65);
      long length = random.nextInt(1, most + 1);
      if (at + length > deviceBytes || !list.hasRoom(length)) {
        break;
      }
      list.add(memory + at, length);
      at += length;
    }
    return list;
  }
}
