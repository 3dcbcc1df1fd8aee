// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class RangeIndexTest {
  private record Range(long address, long end) implements RangeIndex.Ranged {
    boolean meets(Range other) {
      return address < other.end && other.address < end;
    }
  }

  private static RuntimeException overlap(Range low, Range high) {
    assertThat(low.address()).isLessThanOrEqualTo(high.address());
    assertThat(low.meets(high)).isTrue();
    return new IllegalArgumentException(low + " overlaps " + high);
  }

  /** Counts how often it is asked where it is. */
  private static final class Counted implements RangeIndex.Ranged {
    final long address;
    int questions;

    Counted(long address) {
      this.address = address;
    }

    @Override
    public long address() {
      questions++;
      return address;
    }

    @Override
    public long end() {
      questions++;
      return address + 1;
    }
  }

  /** A change copies the columns, and asks nothing of those that stay. */
  @Test
  void aChangeLooksAtNoneOfThoseThatStay() {
    List<Counted> present = new ArrayList<>();
    for (int i = 0; i < 1000; i++) {
      present.add(new Counted(10L * i));
    }
    RangeIndex<Counted> index = RangeIndex.<Counted>empty().with(present, (_, _) -> unexpected());
    present.forEach(one -> one.questions = 0);
    Counted added = new Counted(5001);
    RangeIndex<Counted> more = index.with(List.of(added), (_, _) -> unexpected());
    RangeIndex<Counted> fewer = more.without(List.of(added));
    assertThat(more.size()).isEqualTo(1001);
    assertThat(fewer.all()).isEqualTo(present);
    assertThat(present).allSatisfy(one -> assertThat(one.questions).isZero());
    assertThat(added.questions).isLessThan(10);
  }

  private static RuntimeException unexpected() {
    return new IllegalStateException("nothing overlaps");
  }

  @Test
  void rangesComeAndGoAndAreFoundByEachOfTheirAddresses() {
    Random random = Seeds.random("RangeIndexTest");
    for (int round = 0; round < 200; round++) {
      RangeIndex<Range> index = RangeIndex.empty();
      List<Range> model = new ArrayList<>();
      for (int step = 0; step < 20; step++) {
        if (random.nextBoolean()) {
          index = add(random, index, model);
        } else {
          index = remove(random, index, model);
        }
        requireSame(index, model);
      }
    }
  }

  private static RangeIndex<Range> add(Random random, RangeIndex<Range> index, List<Range> model) {
    List<Range> added = new ArrayList<>();
    for (int i = random.nextInt(5); i > 0; i--) {
      long address = random.nextInt(1, 200);
      added.add(new Range(address, address + random.nextInt(1, 8)));
    }
    List<Range> all = new ArrayList<>(model);
    all.addAll(added);
    if (anyMeet(all)) {
      assertThatThrownBy(() -> index.with(added, RangeIndexTest::overlap))
          .isInstanceOf(IllegalArgumentException.class);
      return index;
    }
    model.addAll(added);
    return index.with(added, RangeIndexTest::overlap);
  }

  private static RangeIndex<Range> remove(
      Random random, RangeIndex<Range> index, List<Range> model) {
    List<Range> gone = new ArrayList<>(model);
    Collections.shuffle(gone, random);
    gone = gone.subList(0, random.nextInt(gone.size() + 1));
    List<Range> named = new ArrayList<>(gone);
    if (!named.isEmpty()) {
      // Twice, and one that looks like another but is not it.
      named.add(named.getFirst());
    }
    named.add(new Range(300, 301));
    for (Range range : model) {
      if (!gone.contains(range)) {
        named.add(new Range(range.address, range.end));
        break;
      }
    }
    model.removeAll(gone);
    return index.without(named);
  }

  private static boolean anyMeet(List<Range> ranges) {
    for (int i = 0; i < ranges.size(); i++) {
      for (int j = 0; j < i; j++) {
        if (ranges.get(i).meets(ranges.get(j))) {
          return true;
        }
      }
    }
    return false;
  }

  private static void requireSame(RangeIndex<Range> index, List<Range> model) {
    assertThat(index.all())
        .containsExactlyElementsOf(
            model.stream().sorted(Comparator.comparingLong(Range::address)).toList());
    for (long address = 0; address < 210; address++) {
      int place = index.find(address);
      Range found = place < 0 ? null : index.get(place);
      assertThat(found).isSameAs(naive(model, address));
      if (found != null) {
        assertThat(index.start(place)).isEqualTo(found.address());
        assertThat(index.end(place)).isEqualTo(found.end());
      }
      Range first = index.startingAt(address);
      assertThat(first).isSameAs(found != null && found.address() == address ? found : null);
    }
  }

  private static @Nullable Range naive(List<Range> model, long address) {
    return model.stream()
        .filter(range -> range.address <= address && address < range.end)
        .findFirst()
        .orElse(null);
  }
}
