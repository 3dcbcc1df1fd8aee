// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * What a process is told that is to take memory back.
 *
 * @param parts of its memory, which are registered
 * @param late whether the memory is offered again only when all transfers have ended
 * @param alone whether nobody in the process itself writes there meanwhile
 * @param scribble what it writes over the memory
 */
record TakeBackOrder(
    Kind kind,
    List<Layout.Part> parts,
    int afterMicros,
    boolean late,
    boolean alone,
    byte scribble) {
  /** How it is taken back. */
  enum Kind {
    UNREGISTER,
    /** And unmapped. */
    FREE,
    /** Its file is cut to nothing while peers copy; only then it is unregistered. */
    SHRINK,
    /** The engine is closed. */
    CLOSE
  }

  static TakeBackOrder parse(String[] words, int from) {
    return new TakeBackOrder(
        Kind.valueOf(words[from]),
        Arrays.stream(words[from + 1].split(",", -1))
            .map(index -> Layout.REGISTERED.get(Integer.parseInt(index)))
            .toList(),
        Integer.parseInt(words[from + 2]),
        Boolean.parseBoolean(words[from + 3]),
        Boolean.parseBoolean(words[from + 4]),
        Byte.parseByte(words[from + 5]));
  }

  String text() {
    return String.join(
        " ",
        kind.name(),
        parts.stream()
            .map(part -> Integer.toString(Layout.REGISTERED.indexOf(part)))
            .collect(Collectors.joining(",")),
        Integer.toString(afterMicros),
        Boolean.toString(late),
        Boolean.toString(alone),
        Byte.toString(scribble));
  }
}
