// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.Engine;
import io.transferengine.Registration;
import io.transferengine.Transfer;
import io.transferengine.memory.MemoryKind;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.Operation;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/**
 * Two processes with memory on one real device: bytes from device to device, which goes by a handle
 * of the other process; bytes between the device of one and host memory of the other, either way,
 * which go through a pinned slot; then how fast, beside a copy within the device. For {@code
 * src/test/gpu/run}, on a machine with a device.
 */
final class DeviceIpcMain {
  private static final int BYTES = DeviceMoves.BYTES;
  private static final int ROUNDS = 10;

  /** From so many bytes on issue 14 asks for a ratio, to a plain copy within the device. */
  private static final int COPY_BYTES = 64 << 20;

  private static final double WANTED = 0.8;

  private final Device device;
  private final long memory;
  private final DeviceMoves moves;
  private final long there;
  private final long hostThere;
  private final MemorySegment data;
  private final MemorySegment back;

  /** Of what the peer has said: its name, its memory on the device, its host memory. */
  private DeviceIpcMain(
      Device device, long memory, DeviceMoves moves, String[] hello, Arena arena) {
    this.device = device;
    this.memory = memory;
    this.moves = moves;
    this.there = Long.parseLong(hello[1]);
    this.hostThere = Long.parseLong(hello[2]);
    data = arena.allocate(BYTES, 4096);
    back = arena.allocate(BYTES, 4096);
  }

  /**
   * {@code DeviceIpcMain SEED [bytes|host|rates]}; exit status as {@code src/test/gpu/run} says.
   * {@code host} does without handles, and so with a stand-in for the driver.
   */
  public static void main(String[] arguments) throws Exception {
    GpuSteps.requireDevice();
    GpuSteps steps = new GpuSteps("two processes");
    try (Devices devices = new Devices();
        Engine engine = Engine.open(DeviceMoves.config(LocalMode.AUTO))) {
      Device device = devices.of(MemoryKind.at("cuda:0"));
      long memory = device.allocate(2L * BYTES);
      try (Registration registered = engine.register(memory, 2L * BYTES, "cuda:0")) {
        if (arguments[0].equals("peer")) {
          serve(engine, memory, registered);
        } else {
          check(steps, engine, device, memory, arguments);
        }
      } finally {
        device.free(memory);
      }
    }
    steps.exit();
  }

  /** The other process: has its memory registered until its input ends. */
  private static void serve(Engine engine, long memory, Registration registered) throws Exception {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment host = arena.allocate(BYTES, 4096);
      try (var _ = engine.register(host)) {
        System.out.println(engine.segmentName() + " " + memory + " " + host.address());
        while (System.in.read() >= 0) {
          // Nothing is asked of it.
        }
      }
    }
    long start = System.nanoTime();
    registered.close();
    System.err.printf(
        "peer: the memory was taken back in %d ms%n",
        TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start));
  }

  private static void check(
      GpuSteps steps, Engine engine, Device device, long memory, String[] arguments)
      throws Exception {
    Process process = GpuPeer.start(DeviceIpcMain.class);
    try (GpuPeer peer = new GpuPeer(process);
        Arena arena = Arena.ofShared()) {
      DeviceIpcMain[] made = new DeviceIpcMain[1];
      steps.step(
          "the peer starts",
          20,
          () -> {
            String[] hello = peer.line().split(" ", -1);
            DeviceMoves moves = new DeviceMoves(engine, hello[0], Long.parseLong(arguments[0]));
            made[0] = new DeviceIpcMain(device, memory, moves, hello, arena);
          });
      if (made[0] != null) {
        try (var _ = engine.register(made[0].data);
            var _ = engine.register(made[0].back)) {
          made[0].steps(steps, arguments.length > 1 ? arguments[1] : "");
          steps.step("the peer ends", 30, peer::end);
          steps.finish();
        }
      } else {
        steps.finish();
      }
    }
  }

  private void steps(GpuSteps steps, String which) throws InterruptedException {
    boolean hostOnly = which.equals("host");
    if (!which.equals("rates")) {
      if (!hostOnly) {
        steps.step("bytes by a handle", 35, this::bytes);
      }
      steps.step("bytes from and to host memory", 35, this::hostBytes);
    }
    if (!which.equals("bytes") && !hostOnly) {
      for (int length : new int[] {64 << 20, 4 << 10, 64 << 10, 1 << 20}) {
        steps.step("rates of " + length + " bytes", 15, () -> rates(length));
      }
    }
  }

  private void bytes() throws Exception {
    int rounds = DeviceMoves.rounds(ROUNDS, 15, this::round);
    System.out.println("bytes: right in " + rounds + " rounds, device to device");
  }

  /**
   * Host, peer's device, our device, peer's device elsewhere, host: what its device has, by its
   * handle; host memory by way of a slot.
   */
  private void round(byte before) throws Exception {
    moves.fill(data);
    back.fill(before);
    DeviceMoves.Scatter blocks = moves.scatter();
    moves.move(Operation.WRITE, data.address(), there, blocks, DeviceIpcMain::requireLocal);
    moves.move(Operation.READ, memory, there, blocks, DeviceIpcMain::requireLocal);
    moves.move(Operation.WRITE, memory, there + BYTES, blocks, DeviceIpcMain::requireLocal);
    moves.move(Operation.READ, back.address(), there + BYTES, blocks, DeviceIpcMain::requireLocal);
    DeviceMoves.compare(data, back, blocks, before);
  }

  private void hostBytes() throws Exception {
    int rounds = DeviceMoves.rounds(ROUNDS, 15, this::hostRound);
    System.out.println("bytes: right in " + rounds + " rounds, device and host");
  }

  /** Scattered blocks and pages in turn. What lies between them is looked at on both sides. */
  private void hostRound(byte before) throws Exception {
    DeviceMoves.Scatter blocks = before % 2 == 0 ? moves.scatter() : moves.pages();
    DeviceMoves.Scatter all = DeviceMoves.whole();
    moves.fill(data);
    clearThere(before);
    moves.move(Operation.READ, memory, hostThere, all, DeviceIpcMain::requireLocal);
    moves.move(Operation.WRITE, data.address(), hostThere, blocks, DeviceIpcMain::requireLocal);
    moves.move(Operation.READ, memory, hostThere, blocks, DeviceIpcMain::requireLocal);
    clearThere(before);
    compareThere(all, blocks, before);
    clearThere(before);
    compareThere(blocks, blocks, before);
  }

  private void clearThere(byte before) throws Exception {
    back.fill(before);
    moves.move(
        Operation.WRITE,
        back.address(),
        hostThere,
        DeviceMoves.whole(),
        DeviceIpcMain::requireLocal);
  }

  /** Writes from our device to the peer's host memory, and compares all of that. */
  private void compareThere(DeviceMoves.Scatter written, DeviceMoves.Scatter blocks, byte before)
      throws Exception {
    moves.move(Operation.WRITE, memory, hostThere, written, DeviceIpcMain::requireLocal);
    moves.move(
        Operation.READ,
        back.address(),
        hostThere,
        DeviceMoves.whole(),
        DeviceIpcMain::requireLocal);
    DeviceMoves.compare(data, back, blocks, before);
  }

  /** The log says why, if it is not so. */
  private static void requireLocal(Transfer transfer) {
    GpuSteps.require(
        Objects.equals(transfer.report().transport(), "local"),
        "went another way: " + transfer.explain());
  }

  private void rates(int length) throws Exception {
    DeviceMoves.Rates one = byHandle(length, COPY_BYTES);
    DeviceMoves.Rates more = byHandle(length, BYTES);
    for (Operation operation : Operation.values()) {
      compare(operation, length, COPY_BYTES, one.of(operation) / within(length, COPY_BYTES));
      compare(operation, length, BYTES, more.of(operation) / within(length, BYTES));
    }
    var _ =
        moves.rate(
            length,
            data.address(),
            there,
            BYTES / 2,
            "host, by handle",
            DeviceIpcMain::requireLocal);
  }

  private DeviceMoves.Rates byHandle(int length, int bytes) throws Exception {
    return moves.rate(length, memory, there, bytes, "by handle", DeviceIpcMain::requireLocal);
  }

  private static void compare(Operation operation, int length, int bytes, double ratio) {
    String what =
        "%s by handle, %d of %d bytes: of a plain copy".formatted(operation, bytes, length);
    if (length >= COPY_BYTES) {
      GpuSteps.figure(what, ratio, WANTED);
    } else {
      System.out.printf("%s: %.2f%n", what, ratio);
    }
  }

  /** {@return how fast the same blocks are copied within the device, without an engine} */
  private double within(int length, int bytes) throws Exception {
    int count = DeviceMoves.blocks(length, bytes);
    List<PairList> lists = new ArrayList<>();
    PairList list = new PairList();
    for (int i = 0; i < count; i++) {
      if (list.count() == CopyList.RANGES_LIMIT || list.bytes() + length > CopyList.BYTES_LIMIT) {
        lists.add(list);
        list = new PairList();
      }
      long place = DeviceMoves.place(i, count, length);
      // To the places between.
      list.add(memory + place, memory + place + length, length);
    }
    lists.add(list);
    try (PairCopier copier = device.pairCopier()) {
      return DeviceMoves.rate(
          "COPY",
          length,
          count,
          "within the device",
          (long) count * length,
          () -> lists.forEach(copier::copy));
    }
  }
}
