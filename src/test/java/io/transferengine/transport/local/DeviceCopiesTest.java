// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.access.AccessRights;
import io.transferengine.device.Devices;
import io.transferengine.device.SimulatedDevices;
import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import io.transferengine.os.FfmProcessMemory;
import io.transferengine.os.LinuxProcesses;
import io.transferengine.os.Processes;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.Mapped;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.PeerBuffers;
import io.transferengine.transport.TransferTask;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.HostDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The end of the threads that copy memory of devices. */
@Timeout(60)
@SuppressWarnings("restricted") // looks into an area of this process
class DeviceCopiesTest {
  private static final int BYTES = 4096;

  private final SimulatedDevices driver =
      new SimulatedDevices(Long.getLong("seed", System.nanoTime()), 1, 1 << 20);
  private final Devices devices = new Devices(() -> driver);
  private final OurDevices ours = new OurDevices(devices);
  private final Processes processes = new LinuxProcesses();
  private final LogCapture log = new LogCapture();
  private final Area area = new Area(1);
  private final Leases leases = new Leases(area, _ -> false);
  private final Fences fences = new Fences(area, leases, processes, Duration.ofSeconds(1));
  private final HostDescriptor host =
      new HostDescriptor("boot", 1, processes.own(), 1, area.address());
  private final HeldLease lease =
      new HeldLease(host, area.slots(leases.grant(host, 1, 1).orElseThrow().index()));
  private final Target target =
      new Target(
          "peer",
          lease,
          new PeerMap(
              MemorySegment.ofAddress(area.address()).reinterpret(AreaLayout.BYTES),
              area.address()));
  private final PeerAddress peer =
      new PeerAddress(
          SegmentDescriptor.builder("peer", SegmentDescriptor.TCP).build(),
          List.of(InetAddress.getLoopbackAddress()));
  private final DeviceCopies copies =
      new DeviceCopies(
          new FfmProcessMemory(),
          processes.own(),
          ours,
          (_, _, why) -> {
            throw new AssertionError(why);
          });
  private final Mapped there = Mapped.of(BYTES);
  private final CompletableFuture<TransferState> ended = new CompletableFuture<>();

  @AfterEach
  void end() {
    fences.end(Duration.ofSeconds(1), true);
    there.close();
    log.close();
    driver.close();
  }

  private TransferTask task(Operation operation) {
    RegionTable table = new RegionTable();
    Region here = table.register(driver.memory(0, BYTES), BYTES, "cuda:0");
    Region remote =
        table
            .registerAll(
                new long[] {there.address()}, new long[] {BYTES}, "*", AccessRights.READ_WRITE)
            .getFirst();
    ours.register(List.of(here));
    fences.admit(List.of(remote));
    BufferDescriptor buffer =
        new BufferDescriptor("peer", there.address(), BYTES).withFence(fences.of(remote));
    return new TransferTask(
        operation,
        BlockColumns.of(here.address(), there.address(), BYTES),
        here,
        new PeerBuffers(List.of(buffer)),
        (state, _, _) -> ended.complete(state));
  }

  /** Until its slot is released the devices are not closed: then nothing of theirs may be left. */
  @ParameterizedTest
  @EnumSource(Operation.class)
  void whatACopyUsesIsGivenBackThoughItEndsBehindTheStop(Operation operation) throws Exception {
    String call = operation == Operation.WRITE ? "cuMemcpyDtoHAsync_v2" : "cuMemcpyHtoDAsync_v2";
    driver.hold();
    copies.start(target, peer, task(operation));
    while (driver.plan().calls(call) == 0) {
      Thread.onSpinWait();
    }
    copies.stop(Duration.ZERO);
    assertThat(log.count("copies on devices have not ended")).isOne();
    assertThat(ended).isNotDone();
    driver.letGo();
    assertThat(ended.get(30, TimeUnit.SECONDS)).isEqualTo(TransferState.COMPLETED);
    while (!lease.end()) {
      Thread.onSpinWait();
    }
    devices.close();
    assertThat(driver.open()).isEmpty();
  }
}
