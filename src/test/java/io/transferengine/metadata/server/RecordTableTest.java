// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import static io.transferengine.metadata.server.RecordTable.Claim.NOBODYS;
import static io.transferengine.metadata.server.RecordTable.Outcome.CHANGED;
import static io.transferengine.metadata.server.RecordTable.Outcome.DONE;
import static io.transferengine.metadata.server.RecordTable.Outcome.FULL;
import static io.transferengine.metadata.server.RecordTable.Outcome.MISSING;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metadata.HttpMetadataProtocol;
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
  private final RecordTable table = new RecordTable(3, 100, () -> now);

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
  void conditionsHoldOrNothingHappens() {
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
  void recordsLiveAsLongAsTheyWereGiven() {
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

  @Test
  void whatIsFullTakesNothingMoreUntilSomethingEnds() {
    table.put("a", value(1), 1, ANY, NOBODYS);
    table.put("b", value(1), 0, ANY, NOBODYS);
    table.put("c", value(1), 0, ANY, NOBODYS);
    assertThat(table.put("d", value(1), 0, ANY, NOBODYS)).isEqualTo(FULL);
    assertThat(table.put("c", new byte[200], 0, ANY, NOBODYS)).isEqualTo(FULL);
    assertThat(table.put("c", new byte[50], 0, ANY, NOBODYS)).isEqualTo(DONE);
    pass(1);
    assertThat(table.put("d", value(1), 0, ANY, NOBODYS)).isEqualTo(DONE);
    table.remove("b", ANY, NOBODYS);
    table.remove("c", ANY, NOBODYS);
    table.remove("d", ANY, NOBODYS);
    assertThat(table.bytes()).isZero();
    assertThat(table.count()).isZero();
  }
}
