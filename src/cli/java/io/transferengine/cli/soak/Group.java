// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.cli.faults.Relay;
import io.transferengine.cli.faults.Trap;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/** Some processes that move bytes between each other, and one trap on all their connections. */
final class Group implements AutoCloseable {
  /** For what happens at once, on however busy a machine. */
  private static final long WAIT_NANOS = 60_000_000_000L;

  private static final long LOG_BYTES = 8000;

  private final Trap trap = new Trap();
  private final List<Member> members = new ArrayList<>();

  Group(Member.Setup setup, int count, long seed) {
    try {
      for (int i = 0; i < count; i++) {
        members.add(new Member(setup, Character.toString('a' + i), trap, seed + i));
      }
    } catch (Throwable t) {
      close();
      throw t;
    }
  }

  List<Member> members() {
    return members;
  }

  Trap trap() {
    return trap;
  }

  List<Relay> relays() {
    return members.stream().flatMap(member -> member.relays().stream()).toList();
  }

  /**
   * Waits until no process has a connection that has ended: each process's end of it is closed.
   * Then nothing can arrive over it any more.
   */
  void awaitOnlyLiveConnections() {
    await("connections that have ended to be closed", () -> connections() == 2 * throughRelays());
  }

  private int connections() {
    return members.stream().mapToInt(Member::connections).sum();
  }

  private int throughRelays() {
    return relays().stream().mapToInt(Relay::connections).sum();
  }

  void resetConnections() {
    relays().forEach(Relay::resetAll);
  }

  private void await(String what, BooleanSupplier happened) {
    long endNanos = System.nanoTime() + WAIT_NANOS;
    while (!happened.getAsBoolean()) {
      if (System.nanoTime() - endNanos > 0) {
        throw new AssertionError(
            "Waited in vain for %s: %d in processes, %d in relays"
                .formatted(what, connections(), throughRelays()));
      }
      try {
        Thread.sleep(1);
      } catch (InterruptedException e) {
        throw new AssertionError("Nobody knows this thread", e);
      }
    }
  }

  /** {@return the ends of the members' logs, for a failure} */
  String logs() {
    StringBuilder all = new StringBuilder();
    for (Member member : members) {
      try {
        String log = Files.readString(member.log());
        all.append("--- ").append(member.name()).append('\n');
        all.append(log, Math.max(0, log.length() - (int) LOG_BYTES), log.length());
      } catch (IOException e) {
        all.append(e);
      }
    }
    return all.toString();
  }

  @Override
  public void close() {
    members.forEach(Member::close);
  }
}
