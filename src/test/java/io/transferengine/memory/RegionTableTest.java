// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class RegionTableTest {
  private final RegionTable table = new RegionTable();

  private static void assertRefused(ErrorCode code, String text, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOf(TransferException.class)
        .hasMessageContaining(text)
        .extracting(e -> ((TransferException) e).code())
        .isEqualTo(code);
  }

  @Test
  void emptyTableFindsNothing() {
    assertThat(table.find(0x1000, 1)).isNull();
    assertThat(table.byAddress(0x1000)).isNull();
    assertThat(table.inOrder()).isEmpty();
    assertThat(table.size()).isZero();
    assertThat(table.registerAll(new long[0], new long[0], "*")).isEmpty();
  }

  @Test
  void findsTheRegionThatCoversTheWholeRange() {
    Region region = table.register(0x1000, 0x1000, "cpu:0");

    assertThat(table.find(0x1000, 0x1000)).isSameAs(region);
    assertThat(table.find(0x1fff, 1)).isSameAs(region);
    assertThat(table.find(0x1fff, 2)).isNull();
    assertThat(table.find(0xfff, 2)).isNull();
    assertThat(table.find(0x2000, 1)).isNull();
    assertThat(table.find(0x1800, Long.MAX_VALUE)).isNull();
    assertThat(table.find(0x1800, 0)).isNull();
    assertThat(table.find(0x1800, -1)).isNull();
    assertThat(table.find(-1, 1)).isNull();
    assertThat(table.find(Long.MIN_VALUE, Long.MAX_VALUE)).isNull();
    assertThat(table.byAddress(0x1000)).isSameAs(region);
    assertThat(table.byAddress(0x1001)).isNull();
  }

  @Test
  void twoRegionsBackToBackAreTwoRegions() {
    Region low = table.register(0x1000, 0x1000, "*");
    Region high = table.register(0x2000, 0x1000, "*");

    assertThat(table.find(0x1000, 0x1000)).isSameAs(low);
    assertThat(table.find(0x2000, 0x1000)).isSameAs(high);
    assertThat(table.find(0x1fff, 2)).isNull();
    assertThat(table.find(0x1000, 0x2000)).isNull();
  }

  @Test
  void impossibleRangesAreRefused() {
    assertRefused(ErrorCode.INVALID_ARGUMENT, "Length 0", () -> table.register(0x1000, 0, "*"));
    assertRefused(ErrorCode.INVALID_ARGUMENT, "Length -5", () -> table.register(0x1000, -5, "*"));
    assertRefused(ErrorCode.INVALID_ARGUMENT, "0x0", () -> table.register(0, 8, "*"));
    assertRefused(
        ErrorCode.INVALID_ARGUMENT, "0xffffffffffffffff", () -> table.register(-1, 8, "*"));
    assertRefused(
        ErrorCode.INVALID_ARGUMENT,
        "beyond the address space",
        () -> table.register(Long.MAX_VALUE, 1, "*"));
    assertRefused(
        ErrorCode.INVALID_ARGUMENT,
        "2 addresses but 1 lengths",
        () -> table.registerAll(new long[] {1, 2}, new long[] {1}, "*"));
    assertThat(table.size()).isZero();
    assertThat(table.register(Long.MAX_VALUE - 1, 1, "*").end()).isEqualTo(Long.MAX_VALUE);
  }

  @Test
  void overlapsAreRefusedAndNameTheOtherRange() {
    table.register(0x3000, 0x1000, "*");
    table.register(0x1000, 0x1000, "*");

    long[][] overlapping = {
      {0x1000, 0x1000}, {0x1fff, 1}, {0x800, 0x801}, {0x1800, 0x10}, {0x800, 0x1900}, {1, 0x1400}
    };
    for (long[] range : overlapping) {
      assertRefused(
          ErrorCode.ADDRESS_OVERLAPPED,
          "registration [0x1000, 0x2000) (4096 bytes)",
          () -> table.register(range[0], range[1], "*"));
    }
    assertThat(table.size()).isEqualTo(2);
    table.register(0x2000, 0x1000, "*");
    assertThat(table.size()).isEqualTo(3);
  }

  @Test
  void refusedRegionIsNotFoundButKeepsItsPlaceUntilRemoved() {
    Region region = table.register(0x1000, 0x1000, "*");
    region.refuse();

    assertThat(table.find(0x1000, 1)).isNull();
    assertThat(table.byAddress(0x1000)).isSameAs(region);
    assertRefused(
        ErrorCode.ADDRESS_OVERLAPPED,
        "being unregistered",
        () -> table.register(0x1000, 0x1000, "*"));

    table.remove(region);
    table.remove(region);
    Region again = table.register(0x1000, 0x1000, "*");
    table.remove(region);
    assertThat(table.find(0x1000, 1)).isSameAs(again);
    assertThat(again.sequence()).isGreaterThan(region.sequence());
  }

  @Test
  void allOrNothing() {
    table.register(0x5000, 0x1000, "*");

    assertRefused(
        ErrorCode.ADDRESS_OVERLAPPED,
        "[0x5000, 0x6000)",
        () -> table.registerAll(new long[] {0x1000, 0x5800}, new long[] {0x1000, 0x10}, "*"));
    assertRefused(
        ErrorCode.ADDRESS_OVERLAPPED,
        "[0x1000, 0x2000)",
        () -> table.registerAll(new long[] {0x1000, 0x1000}, new long[] {0x1000, 0x1000}, "*"));
    assertRefused(
        ErrorCode.INVALID_ARGUMENT,
        "Length 0",
        () -> table.registerAll(new long[] {0x1000, 0x2000}, new long[] {0x1000, 0}, "*"));
    assertThat(table.size()).isEqualTo(1);
  }

  @Test
  void orderIsThatOfRegistration() {
    Region first = table.register(0x9000, 0x1000, "*");
    List<Region> more =
        table.registerAll(new long[] {0x5000, 0x1000}, new long[] {0x1000, 0x1000}, "cpu:1");
    Region last = table.register(0x3000, 0x1000, "*");

    assertThat(more).extracting(Region::address).containsExactly(0x5000L, 0x1000L);
    assertThat(more).extracting(Region::location).containsOnly("cpu:1");
    assertThat(table.inOrder()).containsExactly(first, more.get(0), more.get(1), last);
    table.remove(more.get(0));
    assertThat(table.inOrder()).containsExactly(first, more.get(1), last);
  }

  @Test
  void tenThousandRegionsInRandomOrder() {
    Random random = Seeds.random("tenThousandRegionsInRandomOrder");
    List<Integer> slots = new ArrayList<>();
    for (int i = 0; i < 10_000; i++) {
      slots.add(i);
    }
    Collections.shuffle(slots, random);
    long base = 1L << 40;
    // Odd slots end with a gap, even ones at their neighbour.
    for (int slot : slots) {
      table.register(base + slot * 0x1000L, slot % 2 == 0 ? 0x1000 : 0xf00, "*");
    }
    assertThat(table.size()).isEqualTo(10_000);
    for (int slot = 0; slot < 10_000; slot++) {
      long address = base + slot * 0x1000L;
      Region region = table.byAddress(address);
      assertThat(region).isNotNull();
      assertThat(table.find(address, 0xf00)).isSameAs(region);
      assertThat(table.find(address + 0xeff, 1)).isSameAs(region);
      assertThat(table.find(address + 0xfff, 2)).isNull();
      assertThat(table.find(address + 0xfff, 1)).isSameAs(slot % 2 == 0 ? region : null);
    }
    Collections.shuffle(slots, random);
    for (int slot : slots.subList(0, 5_000)) {
      Region region = Objects.requireNonNull(table.byAddress(base + slot * 0x1000L));
      table.remove(region);
      assertThat(table.find(region.address(), 1)).isNull();
    }
    assertThat(table.size()).isEqualTo(5_000);
    for (int slot : slots.subList(5_000, 10_000)) {
      assertThat(table.find(base + slot * 0x1000L, 1)).isNotNull();
    }
  }

  @Test
  void aMillionAtOnceAndNotOneMore() {
    int limit = RegionTable.REGISTRATION_LIMIT;
    long[] addresses = new long[limit];
    long[] lengths = new long[limit];
    for (int i = 0; i < limit; i++) {
      addresses[i] = 0x1000 + 16L * i;
      lengths[i] = 16;
    }
    table.registerAll(addresses, lengths, "*");
    assertThat(table.find(addresses[limit / 3], 16)).isNotNull();
    assertRefused(
        ErrorCode.TOO_MANY_REQUESTS,
        Integer.toString(limit),
        () -> table.register(1L << 40, 1, "*"));
  }

  /** A region that stays is found at every moment, whatever comes and goes around it. */
  @Test
  void lookupsGoOnWhileRegionsComeAndGo() throws Exception {
    Region stays = table.register(0x5_0000, 0x1000, "*");
    var isOver = new AtomicBoolean();
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      List<Future<Long>> readers = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        readers.add(
            threads.submit(
                () -> {
                  long lookups = 0;
                  while (!isOver.get()) {
                    assertThat(table.find(0x5_0800, 0x800)).isSameAs(stays);
                    assertThat(table.find(0x5_0fff, 2)).isNull();
                    lookups++;
                  }
                  return lookups;
                }));
      }
      List<Future<?>> writers = new ArrayList<>();
      for (long base : new long[] {0x1_0000, 0x6_0000}) {
        writers.add(
            threads.submit(
                () -> {
                  for (int round = 0; round < 300; round++) {
                    List<Region> mine = new ArrayList<>();
                    for (int i = 0; i < 40; i++) {
                      mine.add(table.register(base + i * 0x1000L, 0x1000, "*"));
                    }
                    mine.forEach(table::remove);
                  }
                }));
      }
      for (Future<?> writer : writers) {
        writer.get(60, TimeUnit.SECONDS);
      }
      isOver.set(true);
      for (Future<Long> reader : readers) {
        assertThat(reader.get(60, TimeUnit.SECONDS)).isPositive();
      }
    }
    assertThat(table.inOrder()).containsExactly(stays);
  }
}
