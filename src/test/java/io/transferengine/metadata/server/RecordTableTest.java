// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import static io.transferengine.metadata.server.RecordTable.Claim.NOBODYS;
import static io.transferengine.metadata.server.RecordTable.Outcome.CHANGED;
import static io.transferengine.metadata.server.RecordTable.Outcome.DONE;
import static io.transferengine.metadata.server.RecordTable.Outcome.MISSING;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.metadata.HttpMetadataProtocol;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Records, conditions, limits and time, with a clock of the test's. */
@Timeout(60)
class RecordTableTest {
  private static final RecordTable.Condition ANY =
      new RecordTable.Condition(Optional.empty(), false);
  private static final RecordTable.Condition NONE =
      new RecordTable.Condition(Optional.empty(), true);

  private long now = Long.MAX_VALUE - 5;
  private final RecordTable table = new RecordTable(6, 200, () -> now);

  private static RecordTable.Condition is(int... bytes) {
    return new RecordTable.Condition(
        Optional.of(HttpMetadataProtocol.entityTag(value(bytes))), false);
  }

  private static byte[] value(int... bytes) {
    byte[] value = new byte[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      value[i] = (byte) bytes[i];
    }
    return value;
  }

  private void pass(long seconds) {
    now += TimeUnit.SECONDS.toNanos(seconds);
  }

  @Test
  void conditionsHoldOrNothingHappens() throws HttpRefusal {
    assertThat(table.put("a", value(1), 0, is(1), NOBODYS)).isEqualTo(CHANGED);
    assertThat(table.put("a", value(1), 0, NONE, NOBODYS)).isEqualTo(DONE);
    assertThat(table.put("a", value(2), 0, NONE, NOBODYS)).isEqualTo(CHANGED);
    assertThat(table.put("a", value(2), 0, is(1), NOBODYS)).isEqualTo(DONE);
    assertThat(table.put("a", value(3), 0, is(1), NOBODYS)).isEqualTo(CHANGED);
    assertThat(table.get("a").orElseThrow().value).isEqualTo(value(2));
    assertThat(table.remove("a", is(1), NOBODYS)).isEqualTo(CHANGED);
    assertThat(table.remove("a", is(2), NOBODYS)).isEqualTo(DONE);
    assertThat(table.remove("a", ANY, NOBODYS)).isEqualTo(MISSING);
    assertThat(table.touch("a", 5, ANY, NOBODYS)).isEqualTo(MISSING);
  }

  @Test
  void recordsLiveAsLongAsTheyWereGiven() throws HttpRefusal {
    table.put("forever", value(1), 0, ANY, NOBODYS);
    table.put("short", value(1), 2, ANY, NOBODYS);
    table.put("kept", value(1), 2, ANY, NOBODYS);
    pass(1);
    assertThat(table.touch("kept", 2, is(1), NOBODYS)).isEqualTo(DONE);
    assertThat(table.touch("kept", 2, is(2), NOBODYS)).isEqualTo(CHANGED);
    pass(1);
    assertThat(table.keys()).containsExactly("forever", "kept");
    assertThat(table.touch("short", 2, ANY, NOBODYS)).isEqualTo(MISSING);
    assertThat(table.put("short", value(2), 2, NONE, NOBODYS)).isEqualTo(DONE);
    assertThat(table.ageSeconds(table.get("kept").orElseThrow())).isEqualTo(2);
    pass(100);
    table.sweep();
    assertThat(table.count()).isEqualTo(1);
    assertThat(table.bytes()).isEqualTo(1 + 2 * "forever".length());
  }

  private static RecordTable.Claim by(String writer) {
    return new RecordTable.Claim(writer, List.of(), Optional.empty());
  }

  private void isFull(String key, int bytes, String writer, String... words) {
    assertThatThrownBy(() -> table.put(key, new byte[bytes], 0, ANY, by(writer)))
        .isInstanceOfSatisfying(
            HttpRefusal.class, e -> assertThat(e.status()).isEqualTo(HttpStatus.FULL))
        .hasMessageContainingAll(words);
  }

  @Test
  void whatIsFullTakesNothingMoreUntilSomethingEnds() throws HttpRefusal {
    table.put("a", value(1), 1, ANY, NOBODYS);
    table.put("b", value(1), 0, ANY, NOBODYS);
    table.put("c", value(1), 0, ANY, NOBODYS);
    isFull("d", 1, "nobody", "3 of 3 records are of nobody", "half of the limit of records");
    isFull("c", 200, "nobody", "half of the limit of bytes", "of 100 are taken");
    assertThat(table.put("c", new byte[50], 0, ANY, NOBODYS)).isEqualTo(DONE);
    pass(1);
    assertThat(table.put("d", value(1), 0, ANY, NOBODYS)).isEqualTo(DONE);
    table.remove("b", ANY, NOBODYS);
    table.remove("c", ANY, NOBODYS);
    table.remove("d", ANY, NOBODYS);
    assertThat(table.bytes()).isZero();
    assertThat(table.count()).isZero();
  }

  @Test
  void oneWriterLeavesRoomForOthers() throws HttpRefusal {
    for (String key : List.of("a", "b", "c")) {
      assertThat(table.put(key, value(1), 0, ANY, by("one"))).isEqualTo(DONE);
    }
    isFull("d", 1, "one", "3 of 3 records are of one");
    assertThat(table.put("d", value(1), 0, ANY, by("two"))).isEqualTo(DONE);
    // What is written over is its new writer's.
    assertThat(table.put("a", value(2), 0, ANY, by("two"))).isEqualTo(DONE);
    assertThat(table.put("e", new byte[80], 0, ANY, by("one"))).isEqualTo(DONE);
    isFull("b", 20, "one", "19 more bytes are needed, but 88 of 100 are taken by records of one");
    assertThat(table.put("f", new byte[80], 0, ANY, by("two"))).isEqualTo(DONE);
    isFull("g", 1, "three", "6 of 6 records are of all writers together (the limit of records)");
    assertThat(table.remove("d", ANY, by("three"))).isEqualTo(DONE);
    isFull("g", 50, "three", "of 200 are taken by records of all writers together");
    assertThat(table.put("g", new byte[10], 0, ANY, by("three"))).isEqualTo(DONE);
    for (String key : table.keys()) {
      table.remove(key, ANY, NOBODYS);
    }
    assertThat(table.bytes()).isZero();
    assertThat(table.put("a", new byte[98], 0, ANY, by("one"))).isEqualTo(DONE);
  }

  /** A stranger who reads slowly must not keep an engine from registering. */
  @Test
  void whoReadsSlowlyTakesNoRoomOfTheWriters() throws HttpRefusal {
    table.put("a", new byte[20], 0, ANY, by("one"));
    table.put("b", new byte[76], 0, ANY, by("one"));
    RecordTable.Reading first = table.read("a").orElseThrow();
    assertThat(table.put("a", new byte[20], 0, ANY, by("one"))).isEqualTo(DONE);
    assertThat(table.bytes()).isEqualTo(100 + 20);
    // Others have what they had.
    assertThat(table.put("c", new byte[98], 0, ANY, by("two"))).isEqualTo(DONE);
    // What is held so is bounded as well: then it counts for its writer.
    RecordTable.Reading second = table.read("a").orElseThrow();
    isFull("a", 20, "one", "half of the limit of bytes");
    first.close();
    assertThat(table.put("a", new byte[20], 0, ANY, by("one"))).isEqualTo(DONE);
    table.remove("a", ANY, by("one"));
    table.remove("b", ANY, by("one"));
    assertThat(table.bytes()).isEqualTo(20 + 100);
    second.close();
    assertThat(table.bytes()).isEqualTo(100);
    assertThat(table.put("a", new byte[98], 0, ANY, by("one"))).isEqualTo(DONE);
  }

  /** A quarter of all bytes once more, half of it for one writer: 50 and 25 here. */
  @Test
  void whatWasReplacedHasItsRoomToTheByte() throws HttpRefusal {
    table.put("a", new byte[25], 0, ANY, by("one"));
    RecordTable.Reading fits = table.read("a").orElseThrow();
    assertThat(table.put("a", new byte[98], 0, ANY, by("one"))).isEqualTo(DONE);
    assertThat(table.bytes()).isEqualTo(100 + 25);
    fits.close();
    assertThat(table.bytes()).isEqualTo(100);

    table.put("a", new byte[26], 0, ANY, by("one"));
    RecordTable.Reading tooLong = table.read("a").orElseThrow();
    isFull("a", 98, "one", "half of the limit of bytes");
    isFull("a", 73, "one", "half of the limit of bytes");
    assertThat(table.put("a", new byte[72], 0, ANY, by("one"))).isEqualTo(DONE);
    assertThat(table.bytes()).isEqualTo(100);
    tooLong.close();
    table.remove("a", ANY, by("one"));
    assertThat(table.bytes()).isZero();

    List<RecordTable.Reading> readings = new ArrayList<>();
    for (String writer : List.of("one", "two")) {
      table.put(writer, new byte[25], 0, ANY, by(writer));
      readings.add(table.read(writer).orElseThrow());
      assertThat(table.put(writer, new byte[1], 0, ANY, by(writer))).isEqualTo(DONE);
    }
    table.put("c", new byte[1], 0, ANY, by("three"));
    RecordTable.Reading third = table.read("c").orElseThrow();
    isFull("c", 98, "three", "half of the limit of bytes");
    readings.getFirst().close();
    assertThat(table.put("c", new byte[98], 0, ANY, by("three"))).isEqualTo(DONE);
    readings.getLast().close();
    third.close();
    table.keys().forEach(key -> table.remove(key, ANY, NOBODYS));
    assertThat(table.bytes()).isZero();
  }

  /** It is somebody's who reads slowly. */
  @Test
  void aReplacedValueCountsUntilItIsRead() throws HttpRefusal {
    table.put("a", new byte[60], 0, ANY, by("one"));
    table.touch("a", 5, ANY, by("one"));
    RecordTable.Reading reading = table.read("a").orElseThrow();
    RecordTable.Reading other = table.read("a").orElseThrow();
    isFull("a", 50, "one", "half of the limit of bytes");
    assertThat(table.put("a", new byte[10], 0, ANY, by("one"))).isEqualTo(DONE);
    assertThat(table.bytes()).isEqualTo(60 + 10 + 2);
    assertThat(table.count()).isOne();
    assertThat(reading.value()).hasSize(60);
    isFull("a", 50, "one", "half of the limit of bytes");
    table.remove("a", ANY, by("one"));
    assertThat(table.bytes()).isEqualTo(60);
    other.close();
    other.close();
    assertThat(table.bytes()).isEqualTo(60);
    reading.close();
    assertThat(table.bytes()).isZero();
    assertThat(table.put("a", new byte[98], 0, ANY, by("one"))).isEqualTo(DONE);
    try (RecordTable.Reading stored = table.read("a").orElseThrow()) {
      assertThat(table.bytes()).isEqualTo(100);
      assertThat(stored.value()).hasSize(98);
    }
    assertThat(table.bytes()).isEqualTo(100);
  }
}
