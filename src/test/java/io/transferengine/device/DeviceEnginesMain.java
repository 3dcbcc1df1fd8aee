// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.Engine;
import io.transferengine.memory.MemoryKind;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.Operation;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Two engines over TCP on the loopback, each with memory on a real device and host memory: bytes
 * from every kind to every kind, written and read, compared, and then how fast, beside the same
 * between host memory. For {@code src/test/gpu/run}, on a machine with a device.
 */
final class DeviceEnginesMain {
  private static final int BYTES = DeviceMoves.BYTES;
  private static final int ROUNDS = 20;

  /** What issue 14 asks for from device to device, of what host memory has in the same run. */
  private static final double WANTED = 0.8;

  private static final DeviceMoves.Look NOT = _ -> {};

  private final DeviceMoves moves;
  private final long memory;
  private final long there;
  private final MemorySegment host;
  private final MemorySegment from;
  private final MemorySegment to;

  private DeviceEnginesMain(DeviceMoves moves, long memory, long there, Arena arena) {
    this.moves = moves;
    this.memory = memory;
    this.there = there;
    host = arena.allocate(BYTES, 4096);
    from = arena.allocate(BYTES, 4096);
    to = arena.allocate(BYTES, 4096);
  }

  /** {@code DeviceEnginesMain SEED [bytes|rates]}; exit status as {@code src/test/gpu/run} says. */
  public static void main(String[] arguments) throws Exception {
    GpuSteps.requireDevice();
    GpuSteps steps = new GpuSteps("two engines");
    try (Devices devices = new Devices();
        Arena arena = Arena.ofShared();
        Engine asking = Engine.open(DeviceMoves.config(LocalMode.OFF));
        Engine asked = Engine.open(DeviceMoves.config(LocalMode.OFF))) {
      Device device = devices.of(MemoryKind.at("cuda:0"));
      long memory = device.allocate(2L * BYTES);
      try (var _ = asking.register(memory, BYTES, "cuda:0");
          var _ = asked.register(memory + BYTES, BYTES, "cuda:0")) {
        DeviceMoves moves =
            new DeviceMoves(asking, asked.segmentName(), Long.parseLong(arguments[0]));
        DeviceEnginesMain check = new DeviceEnginesMain(moves, memory, memory + BYTES, arena);
        try (var _ = asking.register(check.host);
            var _ = asked.register(check.from);
            var _ = asked.register(check.to)) {
          check.steps(steps, arguments.length > 1 ? arguments[1] : "");
          steps.finish();
        }
      } finally {
        device.free(memory);
      }
    }
    steps.exit();
  }

  private void steps(GpuSteps steps, String which) throws InterruptedException {
    if (!which.equals("rates")) {
      steps.step("bytes of all kinds", 60, this::bytes);
    }
    if (!which.equals("bytes")) {
      for (int length : new int[] {4 << 10, 64 << 10, 1 << 20}) {
        steps.step("rates of " + length + " bytes", 20, () -> rates(length));
      }
    }
  }

  private void bytes() throws Exception {
    int rounds = DeviceMoves.rounds(ROUNDS, 25, this::round);
    System.out.println("bytes: right in " + rounds + " rounds of all kinds");
  }

  private void round(byte before) throws Exception {
    DeviceMoves.Scatter blocks = moves.scatter();
    moves.fill(from);
    to.fill(before);
    moves.move(Operation.READ, memory, from.address(), blocks, NOT);
    moves.move(Operation.WRITE, memory, there, blocks, NOT);
    moves.move(Operation.READ, host.address(), there, blocks, NOT);
    moves.move(Operation.WRITE, host.address(), to.address(), blocks, NOT);
    DeviceMoves.compare(from, to, blocks, before);
    moves.fill(host);
    to.fill(before);
    moves.move(Operation.WRITE, host.address(), there, blocks, NOT);
    moves.move(Operation.READ, memory, there, blocks, NOT);
    moves.move(Operation.WRITE, memory, to.address(), blocks, NOT);
    DeviceMoves.compare(host, to, blocks, before);
  }

  private void rates(int length) throws Exception {
    int half = BYTES / 2;
    String both = "host and host";
    // The first time counts for nothing: what the others are compared to would be the coldest.
    var _ = moves.rate(length, host.address(), to.address(), half, both + ", once before", NOT);
    DeviceMoves.Rates ofHost = moves.rate(length, host.address(), to.address(), half, both, NOT);
    compare(length, "device and host", memory, to.address(), ofHost);
    compare(length, "host and device", host.address(), there, ofHost);
    compare(length, "device and device", memory, there, ofHost);
  }

  private void compare(int length, String what, long local, long remote, DeviceMoves.Rates ofHost)
      throws Exception {
    DeviceMoves.Rates rates = moves.rate(length, local, remote, BYTES / 2, what, NOT);
    for (Operation operation : Operation.values()) {
      GpuSteps.figure(
          "%s, %d bytes, %s: of host and host".formatted(operation, length, what),
          rates.of(operation) / ofHost.of(operation),
          WANTED);
    }
  }
}
