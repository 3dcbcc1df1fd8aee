// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.engine.LocalMemory;
import io.transferengine.memory.MemoryKind;
import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.verbs.SimulatedFabric;
import io.transferengine.verbs.SimulatedVerbs;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Many registrations on several devices: what a change of the table costs, and that it is right.
 */
@Timeout(120)
class RegistrationsTest {
  private static final int MANY = 16_000;
  private static final int SOME = 1_000;
  private static final int RANGE_BYTES = 512;
  private static final List<String> FOUR = List.of("sim0", "sim1", "sim2", "sim3");

  private final SimulatedFabric fabric = new SimulatedFabric(seed());
  private final SimulatedVerbs verbs = fabric.process("one", FOUR);
  private final SimulatedEngine engine = new SimulatedEngine(verbs, FOUR, Map.of());
  private final Registrations registrations = engine.transport().registrations();
  private final Arena arena = Arena.ofShared();

  private static long seed() {
    long seed = Long.getLong("seed", System.nanoTime() & 0xffff_ffffL);
    System.out.println("RegistrationsTest: replay with -Dseed=" + seed);
    return seed;
  }

  @AfterEach
  void nothingIsLeft() {
    engine.close();
    arena.close();
    assertThat(fabric.violations()).isEmpty();
    assertThat(fabric.openHandles()).isEmpty();
    fabric.close();
  }

  /** As an engine's memory uses the transport; counts what it is asked. */
  private final class Counting implements LocalMemory.Users {
    int registering;
    int unregistering;
    int publications;

    @Override
    public void registered(List<Region> regions) {
      registering++;
      engine.transport().registerAll(regions);
    }

    @Override
    public void unregistered(List<Region> regions) {
      unregistering++;
      engine.transport().unregisterAll(regions);
    }

    @Override
    public void awaitPublished() {
      publications++;
    }

    @Override
    public boolean takes(MemoryKind kind) {
      return true;
    }

    @Override
    public String shownTransports() {
      return "nothing";
    }

    @Override
    public boolean drain(long start, long end, Duration grace) {
      return true;
    }
  }

  private long[] addresses(int count) {
    MemorySegment memory = arena.allocate(2L * count * RANGE_BYTES, 4096);
    return LongStream.range(0, count).map(i -> memory.address() + 2 * i * RANGE_BYTES).toArray();
  }

  private static long[] lengths(int count) {
    long[] lengths = new long[count];
    Arrays.fill(lengths, RANGE_BYTES);
    return lengths;
  }

  private static void time(String what, Runnable work) {
    var threads = ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadCpuTime();
    work.run();
    System.out.printf(
        "%s: %d ms of processor time%n",
        what, (threads.getCurrentThreadCpuTime() - before) / 1_000_000);
  }

  @Test
  void aBatchIsOneChangeOfTheTables() {
    Counting users = new Counting();
    LocalMemory memory = new LocalMemory(1 << 20, users);
    long[] addresses = addresses(MANY);
    long before = registrations.version();
    time(
        MANY + " ranges on four devices as a batch",
        () -> {
          var _ = memory.registerAll(addresses, lengths(MANY), "cpu:0");
        });
    assertThat(registrations.snapshot().size()).isEqualTo(MANY);
    assertThat(registrations.version() - before).isEqualTo(1);
    time("their end as a batch", () -> memory.unregisterAll(addresses));
    assertThat(registrations.snapshot().size()).isZero();
    assertThat(registrations.version() - before).isEqualTo(2);
    assertThat(users.registering).isEqualTo(1);
    assertThat(users.unregistering).isEqualTo(1);
    // Only who adds waits until peers can find it.
    assertThat(users.publications).isEqualTo(1);
    assertThat(memory.regions().size()).isZero();
  }

  /** That a change looks at none of the others, RangeIndexTest shows. */
  @Test
  void eachOfThemAloneIsOneChangeOfTheTables() {
    Counting users = new Counting();
    LocalMemory memory = new LocalMemory(1 << 20, users);
    long[] addresses = addresses(SOME);
    long before = registrations.version();
    time(
        SOME + " ranges on four devices, one by one",
        () -> {
          for (long address : addresses) {
            var _ = memory.register(address, RANGE_BYTES, "cpu:0");
          }
        });
    assertThat(registrations.snapshot().size()).isEqualTo(SOME);
    assertThat(registrations.version() - before).isEqualTo(SOME);
    assertThat(users.registering).isEqualTo(SOME);
    assertThat(users.publications).isEqualTo(SOME);
    time(
        "their end, one by one",
        () -> {
          for (long address : addresses) {
            memory.unregister(address);
          }
        });
    assertThat(registrations.snapshot().size()).isZero();
    assertThat(registrations.version() - before).isEqualTo(2L * SOME);
    assertThat(users.unregistering).isEqualTo(SOME);
  }

  @Test
  void aPoolThatADeviceKeepsIsTriedAgain() {
    int poolBytes = 64 << 20;
    LocalMemory memory = new LocalMemory(poolBytes, new Counting());
    long block = memory.allocate(4096).address();
    verbs.device("sim2").keepRegistered(block, true);
    memory.free(block, 4096); // The block is free. The pool is kept.
    assertThatThrownBy(() -> memory.allocate(4096))
        .isInstanceOfSatisfying(
            TransferException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.MEMORY));
    verbs.device("sim2").keepRegistered(block, false);
    long again = memory.allocate(4096).address();
    memory.free(again, 4096);
    assertThat(memory.regions().size()).isZero();
    memory.close(Duration.ZERO);
  }

  @Test
  void aBatchWithUnknownOnesEndsAllOthers() {
    LocalMemory memory = new LocalMemory(1 << 20, new Counting());
    long[] addresses = addresses(100);
    var _ = memory.registerAll(addresses, lengths(100), "cpu:0");
    long[] asked = addresses.clone();
    asked[10] += 1;
    asked[20] = asked[21];
    assertThatThrownBy(() -> memory.unregisterAll(asked))
        .isInstanceOfSatisfying(
            TransferException.class,
            e -> assertThat(e.code()).isEqualTo(ErrorCode.ADDRESS_NOT_REGISTERED))
        .hasMessageContaining("0x%x, and at 1 others".formatted(asked[10]));
    assertThat(memory.regions().inOrder())
        .extracting(Region::address)
        .containsExactly(addresses[10], addresses[20]);
    assertThat(registrations.snapshot().size()).isEqualTo(2);
  }

  @Test
  void aBatchThatADeviceRefusesLeavesNothing() {
    LocalMemory memory = new LocalMemory(1 << 20, new Counting());
    long[] addresses = addresses(10);
    verbs.device("sim2").refuseRegistration(1);
    assertThatThrownBy(() -> memory.registerAll(addresses, lengths(10), "cpu:0"))
        .isInstanceOf(TransferException.class)
        .hasMessageContaining("sim2");
    assertThat(memory.regions().size()).isZero();
    assertThat(registrations.snapshot().size()).isZero();
    var _ = memory.registerAll(addresses, lengths(10), "cpu:0");
    memory.unregisterAll(addresses);
  }

  @Test
  void oneThatADeviceKeepsHoldsUpNoOther() {
    LocalMemory memory = new LocalMemory(1 << 20, new Counting());
    long[] addresses = addresses(10);
    var _ = memory.registerAll(addresses, lengths(10), "cpu:0");
    verbs.device("sim1").keepRegistered(addresses[3], true);
    // A retry while the device still keeps it says so again, instead of "unknown" or "done".
    for (long[] asked : new long[][] {addresses, {addresses[3]}, {addresses[3]}}) {
      assertThatThrownBy(() -> memory.unregisterAll(asked))
          .isInstanceOfSatisfying(
              TransferException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.CONTEXT))
          .hasMessageContainingAll("sim1", Long.toHexString(addresses[3]), "EBUSY")
          .hasMessageNotContaining(Long.toHexString(addresses[4]) + " to");
      assertThat(memory.regions().inOrder())
          .extracting(Region::address)
          .containsExactly(addresses[3]);
    }
    assertThat(registrations.snapshot().size()).isZero();
    verbs.device("sim1").keepRegistered(addresses[3], false);
    memory.unregister(addresses[3]);
    assertThat(memory.regions().size()).isZero();
    var _ = memory.registerAll(addresses, lengths(10), "cpu:0");
    memory.unregisterAll(addresses);
  }

  @Test
  void whatADeviceKeptGoesWithTheDevice() {
    LocalMemory memory = new LocalMemory(1 << 20, new Counting());
    long[] addresses = addresses(3);
    var _ = memory.registerAll(addresses, lengths(3), "cpu:0");
    verbs.device("sim0").keepRegistered(addresses[1], true);
    assertThatThrownBy(() -> memory.unregisterAll(addresses)).isInstanceOf(TransferException.class);
    verbs.device("sim0").keepRegistered(addresses[1], false);
    // nothingIsLeft, which comes now, finds a violation or an open handle otherwise.
  }

  /** Any batches in any order, against the plain list of what must be there. */
  @Test
  void theTableIsWhatItShouldBeAfterAnyBatches() {
    Random random = new Random(fabric.seed());
    RegionTable table = new RegionTable();
    List<Region> present = new ArrayList<>();
    long[] places = addresses(200);
    for (int round = 0; round < 300; round++) {
      List<Region> batch = new ArrayList<>();
      if (random.nextBoolean()) {
        for (long place : places) {
          boolean free = present.stream().noneMatch(region -> region.address() == place);
          if (free && random.nextInt(10) == 0) {
            batch.add(table.register(place, RANGE_BYTES, "cpu:0"));
          }
        }
        registrations.registerAll(batch);
        present.addAll(batch);
      } else {
        present.stream().filter(region -> random.nextInt(5) == 0).forEach(batch::add);
        registrations.unregisterAll(batch);
        batch.forEach(Region::refuse);
        table.removeAll(batch);
        present.removeAll(batch);
      }
      Registrations.Snapshot now = registrations.snapshot();
      assertThat(now.size()).isEqualTo(present.size());
      for (Region region : present) {
        int index = now.find(region.end() - 1);
        assertThat(now.start(index)).isEqualTo(region.address());
        assertThat(now.end(index)).isEqualTo(region.end());
      }
      for (long place : places) {
        boolean there = present.stream().anyMatch(region -> region.address() == place);
        assertThat(now.find(place) >= 0).isEqualTo(there);
        assertThat(table.find(place, 1) != null).isEqualTo(there);
      }
    }
    registrations.unregisterAll(present);
  }
}
