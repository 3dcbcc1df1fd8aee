// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Pattern;

/**
 * Finds what grows. Looked at when nothing goes on: no connection is open, all transfers have
 * ended. The first look at a process is the baseline.
 */
final class Health {
  /** Event loops, carriers and the like that start when they are first needed. */
  private static final int MORE_THREADS = 8;

  /** Looks at threads, and the time between them. */
  private static final int SETTLING_LOOKS = 100;

  private static final long SETTLING_NANOS = 100_000_000;

  private static final int MORE_DESCRIPTORS = 12;

  /** Stacks, and memory of the C library for new threads. */
  private static final int MORE_MAPPINGS = 200;

  private static final long MORE_HEAP_BYTES = 12L << 20;
  private static final long MORE_DIRECT_BYTES = 4L << 20;

  /** The heap may fill its 96 MiB at last; compiled code and metaspace grow for a while. */
  private static final long MORE_OWN_KIB = 128 << 10;

  /** With a time, or what the JVM says itself; lines of a stack begin otherwise. */
  private static final Pattern BEGINS =
      Pattern.compile("[0-9:.]+ +[A-Z]+ +|Exception(: | in thread )");

  /** A cause that the rig itself has made. */
  private static final String NO_THREAD = "unable to create native thread";

  private static final String OUT_OF_MEMORY = "OutOfMemoryError";

  /**
   * Netty's words for the queue of a connection with TLS in whose encryption memory has run out.
   * The connection ends with that; what the peer got of it is checked as everything else.
   */
  private static final String LOST_BUFFER = "but the queue is empty";

  /**
   * Netty's decoder of a connection with TLS in which memory has run out: it gives its buffer back
   * twice, which the buffer refuses.
   */
  private static final String TWICE_GIVEN_BACK =
      "at io.netty.handler.codec.ByteToMessageDecoder.handlerRemoved(";

  private final List<String> excuses;
  private final Map<Member, Look> baselines = new HashMap<>();

  private record Look(long pid, Child.Holdings holdings, long heapBytes, long directBytes) {}

  /**
   * Nothing looked at yet.
   *
   * @param fullHeaps whether the heap of a process may have been full
   */
  Health(boolean fullHeaps) {
    excuses =
        fullHeaps ? List.of(OUT_OF_MEMORY, LOST_BUFFER, TWICE_GIVEN_BACK) : List.of(NO_THREAD);
  }

  /** Looks at the members. Throws an AssertionError if something has grown. */
  void look(List<Member> members) {
    for (Member member : members) {
      String _ = member.child().ask("register");
      String[] figures = member.child().ask("figures").split(" ", -1);
      if (Long.parseLong(figures[2]) != 0) {
        throw new AssertionError(member.name() + " ended transfers by force: " + figures[2]);
      }
      requireNoErrors(member);
      requireNothingOfOthers(member, members);
      Look known = baselines.get(member);
      Look first = known == null || known.pid() != member.child().pid() ? null : known;
      Look now =
          new Look(
              member.child().pid(),
              first == null ? member.child().holdings() : settled(member, first),
              Long.parseLong(figures[0]),
              Long.parseLong(figures[1]));
      if (first == null) {
        baselines.put(member, now);
      } else {
        compare(member.name(), first, now);
      }
    }
  }

  /** Threads that have nothing to do stay for a second, and those of an engine that was closed. */
  private static Child.Holdings settled(Member member, Look first) {
    Child.Holdings held = member.child().holdings();
    int most = first.holdings().threads() + MORE_THREADS;
    for (int i = 0; i < SETTLING_LOOKS && held.threads() > most; i++) {
      LockSupport.parkNanos(SETTLING_NANOS);
      held = member.child().holdings();
    }
    if (held.threads() > most) {
      throw new AssertionError(
          "%s has %d threads; it had %d: %s"
              .formatted(
                  member.name(),
                  held.threads(),
                  first.holdings().threads(),
                  member.child().listThreads()));
    }
    return held;
  }

  private static void compare(String name, Look first, Look now) {
    requireAtMost(
        name,
        "descriptors",
        now.holdings().descriptors(),
        first.holdings().descriptors(),
        MORE_DESCRIPTORS);
    requireAtMost(
        name, "mappings", now.holdings().mappings(), first.holdings().mappings(), MORE_MAPPINGS);
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

  /** Of others it has neither memory nor descriptors, dead or alive. */
  private static void requireNothingOfOthers(Member member, List<Member> members) {
    for (Member other : members) {
      if (other != member && member.child().holds(other.memoryFile())) {
        throw new AssertionError(member.name() + " holds memory of " + other.name());
      }
    }
  }

  private void requireNoErrors(Member member) {
    try {
      String error = error(Files.readAllLines(member.log()));
      if (!error.isEmpty()) {
        throw new AssertionError(member.name() + " logged: " + error);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Mistakes of our own are ERRORs, unless they or their stacks name what the rig took away.
   *
   * @param log of a process, in lines
   * @return the first; empty if there is none
   */
  String error(List<String> log) {
    String error = "";
    for (String line : log) {
      if (BEGINS.matcher(line).lookingAt()) {
        if (!error.isEmpty()) {
          return error;
        }
        error = line.contains(" ERROR ") ? line : "";
      }
      if (excuses.stream().anyMatch(line::contains)) {
        error = "";
      }
    }
    return error;
  }
}
