// SPDX-License-Identifier: Apache-2.0
package io.transferengine.logging;

import java.util.ArrayList;
import java.util.List;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * What a line of the log is about, as pairs of key and value beside its text: back-ends that write
 * JSON make members of them. The text says the same, for all others. Immutable.
 */
public final class LogKeys {
  /** No pairs. */
  public static final LogKeys NONE = new LogKeys(List.of());

  /** As much of a peer's name as a line shows. */
  private static final int VALUE_LENGTH_MAX = 300;

  private record Pair(String key, Object value) {}

  private final List<Pair> pairs;

  private LogKeys(List<Pair> pairs) {
    this.pairs = pairs;
  }

  /** {@return the peer: its segment, or an address if only that is known; may quote strangers} */
  public static LogKeys peer(Object name) {
    return NONE.with("peer", name);
  }

  /** {@return why: a name of ours, or the text of an error; may quote strangers} */
  public LogKeys cause(Object why) {
    return with("cause", why);
  }

  /**
   * {@return these and one more}
   *
   * @param key a word of ours
   * @param value a number stays one; anything else is shown, and cut to one line of bounded length
   */
  public LogKeys with(String key, Object value) {
    Object shown =
        value instanceof Number ? value : Printable.of(String.valueOf(value), VALUE_LENGTH_MAX);
    List<Pair> all = new ArrayList<>(pairs);
    all.add(new Pair(key, shown));
    return new LogKeys(all);
  }

  /** Adds them to a line; {@return the line} */
  public LoggingEventBuilder on(LoggingEventBuilder line) {
    LoggingEventBuilder all = line;
    for (Pair each : pairs) {
      all = all.addKeyValue(each.key, each.value);
    }
    return all;
  }
}
