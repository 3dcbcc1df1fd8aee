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
 * @param managed whether they are blocks of managed memory, whose places go to others in part
 * @param scribble what it writes over the memory
 */
record TakeBackOrder(
    Kind kind,
    List<Layout.Part> parts,
    int afterMicros,
    boolean late,
    boolean alone,
    boolean managed,
    byte scribble) {
  /** How it is taken back. */
  enum Kind {
    /** Or freed, and handed out again at once, if it is managed memory. */
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
            .map(
                index ->
                    Layout.registered(Boolean.parseBoolean(words[from + 5]))
                        .get(Integer.parseInt(index)))
            .toList(),
        Integer.parseInt(words[from + 2]),
        Boolean.parseBoolean(words[from + 3]),
        Boolean.parseBoolean(words[from + 4]),
        Boolean.parseBoolean(words[from + 5]),
        Byte.parseByte(words[from + 6]));
  }

  /** {@return what nobody may touch any more when a part was taken back} */
  Layout.Part taken(Layout.Part part) {
    return managed ? Layout.rest(part) : part;
  }

  /** {@return the same of all parts} */
  List<Layout.Part> taken() {
    return parts.stream().map(this::taken).toList();
  }

  String text() {
    return String.join(
        " ",
        kind.name(),
        parts.stream()
            .map(part -> Integer.toString(Layout.registered(managed).indexOf(part)))
            .collect(Collectors.joining(",")),
        Integer.toString(afterMicros),
        Boolean.toString(late),
        Boolean.toString(alone),
        Boolean.toString(managed),
        Byte.toString(scribble));
  }
}
