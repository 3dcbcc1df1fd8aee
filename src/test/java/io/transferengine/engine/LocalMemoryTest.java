// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.memory.MappedMemory;
import io.transferengine.memory.Region;
import io.transferengine.memory.UsedRanges;
import io.transferengine.testkit.LogCapture;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class LocalMemoryTest {
  private static final long BASE = 0x10_0000_0000L;

  /** Does not let go of one address, in the manner that a test asks for. */
  private static final class Clinging extends IdleUsers {
    final Set<Long> reachable = new HashSet<>();
    long clingsTo;
    @Nullable RuntimeException refusal;
    @Nullable Error breakdown;
    @Nullable Error drainBreakdown;

    @Override
    public void registered(List<Region> regions) {
      regions.forEach(region -> reachable.add(region.address()));
    }

    @Override
    public void unregistered(List<Region> regions) {
      boolean clings = false;
      for (Region region : regions) {
        if (region.address() == clingsTo && (refusal != null || breakdown != null)) {
          clings = true;
        } else {
          reachable.remove(region.address());
        }
      }
      if (clings && breakdown != null) {
        throw breakdown;
      }
      if (clings && refusal != null) {
        throw refusal;
      }
    }

    @Override
    public boolean drain(long start, long end, Duration grace) {
      if (start == clingsTo && drainBreakdown != null) {
        throw drainBreakdown;
      }
      return true;
    }
  }

  private static long[] four(LocalMemory memory) {
    long[] addresses = {BASE, BASE + 8192, BASE + 16_384, BASE + 24_576};
    var _ = memory.registerAll(addresses, new long[] {4096, 4096, 4096, 4096}, "cuda:0");
    return addresses;
  }

  private static void assertOnlyKept(LocalMemory memory, long address) {
    assertThat(memory.regions().inOrder()).extracting(Region::address).containsExactly(address);
    assertThat(memory.regions().find(address, 1)).isNull();
  }

  @Test
  void oneThatCannotBeGivenBackHoldsUpNoOtherAndMayBeTriedAgain() {
    for (boolean error : new boolean[] {false, true}) {
      Clinging users = new Clinging();
      LocalMemory memory = new LocalMemory(1 << 20, users);
      long[] addresses = four(memory);
      users.clingsTo = addresses[1];
      if (error) {
        users.breakdown = new InternalError("asked for by the test");
      } else {
        users.refusal = new TransferException(ErrorCode.CONTEXT, "asked for by the test", "");
      }
      for (long[] asked : new long[][] {addresses, {addresses[1]}}) {
        assertThatThrownBy(() -> memory.unregisterAll(asked))
            .hasMessageContaining("asked for by the test");
        assertOnlyKept(memory, addresses[1]);
        assertThat(users.reachable).containsExactly(addresses[1]);
      }
      users.refusal = null;
      users.breakdown = null;
      memory.unregister(addresses[1]);
      assertThat(memory.regions().size()).isZero();
      assertThat(users.reachable).isEmpty();
      four(memory);
      memory.close(Duration.ofSeconds(1));
      assertThat(memory.regions().size()).isZero();
    }
  }

  @Test
  void oneWhoseUsersCannotBeEndedHoldsUpNoOther() {
    Clinging users = new Clinging();
    LocalMemory memory = new LocalMemory(1 << 20, users);
    long[] addresses = four(memory);
    users.clingsTo = addresses[1];
    users.drainBreakdown = new InternalError("asked for by the test");
    memory.beginUse();
    UsedRanges<Region> hold = memory.use(BlockColumns.of(addresses[1], addresses[1], 16));
    memory.endUse();
    assertThatThrownBy(() -> memory.unregisterAll(addresses))
        .hasRootCauseMessage("asked for by the test");
    assertOnlyKept(memory, addresses[1]);
    hold.release();
    memory.unregister(addresses[1]);
    assertThat(memory.regions().size()).isZero();
  }

  /** Its memory would be unmapped while peers and devices reach it. */
  @Test
  void aPoolWhoseRegistrationSomebodyElseIsEndingIsNotReturnedBeforeItHasEnded() {
    LocalMemory memory = new LocalMemory(1 << 20, new IdleUsers());
    MemorySegment block = memory.allocate(100);
    Region pool = memory.regions().inOrder().getFirst();
    assertThat(pool.refuse()).isTrue();
    try (LogCapture log = new LogCapture()) {
      memory.free(block.address(), 100);
      assertThat(log.warnings()).singleElement().asString().contains("is being unregistered");
    }
    assertThat(memory.regions().inOrder()).containsExactly(pool);
    block.fill((byte) 1);
    pool.notEnded();
    MemorySegment next = memory.allocate(100);
    assertThat(memory.regions().inOrder()).doesNotContain(pool).hasSize(1);
    memory.free(next.address(), 100);
    memory.close(Duration.ofSeconds(1));
    assertThat(memory.regions().size()).isZero();
  }

  /** As when memory runs out: the registration fails, and so does what would undo it. */
  @Test
  void aPoolWhoseRegistrationCannotBeUndoneIsNotReturnedBeforeItCan() {
    AtomicBoolean fails = new AtomicBoolean(true);
    List<Region> reachable = new ArrayList<>();
    IdleUsers users =
        new IdleUsers() {
          @Override
          public void registered(List<Region> regions) {
            reachable.addAll(regions);
            failIfMeant();
          }

          @Override
          public void unregistered(List<Region> regions) {
            failIfMeant();
            reachable.removeAll(regions);
          }

          private void failIfMeant() {
            if (fails.get()) {
              throw new OutOfMemoryError("meant");
            }
          }
        };
    LocalMemory memory = new LocalMemory(1 << 20, users);
    assertThatThrownBy(() -> memory.allocate(100)).hasMessage("meant");
    assertThat(memory.regions().inOrder()).isEqualTo(reachable).hasSize(1);
    Region left = reachable.getFirst();
    // Still mapped: this would end the JVM if it were not.
    MappedMemory.requireAllReadableWritable(
        new long[] {left.address()}, new long[] {left.length()});
    fails.set(false);
    MemorySegment block = memory.allocate(100);
    assertThat(memory.regions().inOrder()).isEqualTo(reachable).doesNotContain(left).hasSize(1);
    memory.free(block.address(), 100);
    memory.close(Duration.ofSeconds(1));
    assertThat(reachable).isEmpty();
  }

  @Test
  void closeTriesOnceMoreWhatWasKept() {
    Clinging users = new Clinging();
    LocalMemory memory = new LocalMemory(1 << 20, users);
    long[] addresses = four(memory);
    users.clingsTo = addresses[2];
    users.refusal = new IllegalStateException("asked for by the test");
    assertThatThrownBy(() -> memory.unregister(addresses[2])).isSameAs(users.refusal);
    users.refusal = null;
    memory.close(Duration.ofSeconds(1));
    assertThat(memory.regions().size()).isZero();
    assertThat(users.reachable).isEmpty();
  }

  @Test
  void deviceMemoryIsRefusedToTheProcessor() {
    LocalMemory memory = new LocalMemory(1 << 20, new IdleUsers());
    // Not mapped: to read it would end the JVM.
    long address = 0x10_0000_0000L;
    var _ = memory.register(address, 4096, "cuda:0");
    assertThatThrownBy(() -> memory.access(address, 1, _ -> "read"))
        .isInstanceOfSatisfying(
            TransferException.class,
            e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT))
        .hasMessageContainingAll("device memory", "0x1000000000");
    assertThat(memory.regions().inOrder()).allMatch(region -> region.inFlight() == 0);
    memory.unregister(address);
  }
}
