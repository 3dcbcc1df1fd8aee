// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Finds what grows. Looked at when nothing goes on: no connection is open, all transfers have
 * ended. The first look at a process is the baseline.
 */
final class Health {
  /** Event loops, carriers and the like that start when they are first needed. */
  private static final int MORE_THREADS = 8;

  private static final int MORE_DESCRIPTORS = 12;
  private static final long MORE_HEAP_BYTES = 12L << 20;
  private static final long MORE_DIRECT_BYTES = 4L << 20;

  /** Compiled code and metaspace grow for a while. */
  private static final long MORE_OWN_KIB = 96 << 10;

  private static final String OUT_OF_MEMORY = "OutOfMemoryError";

  /** It begins with a time; lines of a stack do not. */
  private static final Pattern LOG_LINE = Pattern.compile("[0-9:.]+ +[A-Z]+ +");

  private final Map<Member, Look> baselines = new HashMap<>();

  private record Look(long pid, Child.Holdings holdings, long heapBytes, long directBytes) {}

  /** Looks at the members. Throws an AssertionError if something has grown. */
  void look(List<Member> members) {
    for (Member member : members) {
      String _ = member.child().ask("register");
      String[] figures = member.child().ask("figures").split(" ", -1);
      if (Long.parseLong(figures[2]) != 0) {
        throw new AssertionError(member.name() + " ended transfers by force: " + figures[2]);
      }
      requireNoErrors(member);
      Look now =
          new Look(
              member.child().pid(),
              member.child().holdings(),
              Long.parseLong(figures[0]),
              Long.parseLong(figures[1]));
      Look first = baselines.get(member);
      if (first == null || first.pid() != now.pid()) {
        baselines.put(member, now);
      } else {
        compare(member.name(), first, now);
      }
    }
  }

  private static void compare(String name, Look first, Look now) {
    requireAtMost(
        name, "threads", now.holdings().threads(), first.holdings().threads(), MORE_THREADS);
    requireAtMost(
        name,
        "descriptors",
        now.holdings().descriptors(),
        first.holdings().descriptors(),
        MORE_DESCRIPTORS);
    requireAtMost(
        name,
        "KiB of own memory",
        now.holdings().ownKib(),
        first.holdings().ownKib(),
        MORE_OWN_KIB);
    requireAtMost(name, "bytes of heap", now.heapBytes(), first.heapBytes(), MORE_HEAP_BYTES);
    requireAtMost(
        name, "bytes of direct memory", now.directBytes(), first.directBytes(), MORE_DIRECT_BYTES);
  }

  private static void requireAtMost(String name, String what, long now, long first, long more) {
    if (now > first + more) {
      throw new AssertionError("%s has %d %s; it had %d".formatted(name, now, what, first));
    }
  }

  /**
   * Mistakes of our own are ERRORs; so is what there was no memory for, while its heap was full.
   */
  private static void requireNoErrors(Member member) {
    try {
      String error = "";
      for (String line : Files.readAllLines(member.log())) {
        if (line.contains(OUT_OF_MEMORY)) {
          error = ""; // It is the cause of what was logged last.
        } else if (LOG_LINE.matcher(line).lookingAt()) {
          requireNone(member, error);
          error = line.contains(" ERROR ") ? line : "";
        }
      }
      requireNone(member, error);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void requireNone(Member member, String error) {
    if (!error.isEmpty()) {
      throw new AssertionError(member.name() + " logged: " + error);
    }
  }
}
