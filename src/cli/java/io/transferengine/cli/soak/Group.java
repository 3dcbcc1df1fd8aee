// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.faults.Relay;
import io.transferengine.cli.faults.Trap;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Some processes that move bytes between each other, and one trap on all their connections. */
final class Group implements AutoCloseable {
  /** For what happens at once, on however busy a machine. */
  private static final long WAIT_NANOS = 60_000_000_000L;

  /** After so long nothing is left of a process that was killed. */
  private static final long GONE_NANOS = 30_000_000_000L;

  private static final long LOST_NANOS = 5_000_000_000L;

  private static final int STEP_MILLIS = 16;
  private static final int LOG_CHARACTERS = 6000;
  private static final int OPEN_MILLIS = 2000;

  private final Setup setup;
  private final Trap trap = new Trap();
  private final List<Member> members = new ArrayList<>();
  private Optional<Service> service = Optional.empty();
  private int lostSockets;

  Group(Setup setup, int count, long seed) {
    this.setup = setup;
    try {
      if (setup.hasService()) {
        service = Optional.of(new Service(setup, trap));
      }
      String metadata = service.map(Service::connectionString).orElse(Setup.PEER_TO_PEER);
      for (int i = 0; i < count; i++) {
        members.add(new Member(setup, Character.toString('a' + i), metadata, trap, seed + i));
      }
      greet();
    } catch (Throwable t) {
      close();
      throw t;
    }
  }

  private void greet() {
    try {
      members.forEach(Member::greet);
    } catch (CommandException e) {
      throw new AssertionError(
          "A process did not start: %s%n%s".formatted(e.getMessage(), logs()), e);
    }
  }

  List<Member> members() {
    return members;
  }

  /** {@return whether its processes can run out of it} */
  boolean canLack(Shortage.Resource resource) {
    return setup.canLack(resource);
  }

  /** {@return whether the initiators copy, and data connections have nothing to do} */
  boolean onOneMachine() {
    return setup.onOneMachine();
  }

  /** {@return whether bytes may pass data connections} */
  boolean mayUseNetwork() {
    return !onOneMachine() || configuration().variant() == Variant.AUTO;
  }

  Configuration configuration() {
    return setup.configuration();
  }

  /** {@return whether peers use managed memory} */
  boolean isManaged() {
    return configuration().variant().isManaged();
  }

  Optional<Service> service() {
    return service;
  }

  /** {@return whether the heap of a process may be full for a while} */
  boolean fullHeaps() {
    return setup.fullHeaps();
  }

  /** {@return the network interfaces that may be taken down} */
  List<String> links() {
    return setup.links();
  }

  Trap trap() {
    return trap;
  }

  private Stream<Relay> relays() {
    return Stream.concat(
        members.stream().flatMap(member -> member.relays().stream()),
        service.stream().map(Service::relay));
  }

  private Stream<Child> children() {
    return Stream.concat(members.stream(), service.stream()).map(Victim::child);
  }

  /** What the relays have seen so far is no longer of interest. */
  void forget() {
    relays().forEach(Relay::forget);
  }

  /**
   * Waits until no process has a connection that has ended, and no relay one that it has yet to
   * carry on: each process's end of it is closed. Then nothing can arrive over it any more.
   */
  void awaitOnlyLiveConnections() {
    relays().forEach(Relay::awaitAccepted);
    members.forEach(Member::awaitAccepted);
    long since = System.nanoTime();
    await(
        () -> "connections that have ended to be closed",
        () ->
            relays().noneMatch(Relay::isConnecting)
                && (isBalanced() || isButForLostSockets(since)));
  }

  private boolean isBalanced() {
    return connections() == 2 * throughRelays();
  }

  /** {@return whether all is well but for sockets that are lost, and have been for some time} */
  private boolean isButForLostSockets(long sinceNanos) {
    if (System.nanoTime() - sinceNanos < LOST_NANOS) {
      return false;
    }
    lostSockets += members.stream().mapToInt(Member::giveUpLostSockets).sum();
    return isBalanced();
  }

  /**
   * {@return how many sockets were lost since it was last asked for} When memory runs out, the
   * JDK's HTTP client, which talks to the service, forgets sockets that it leaves open, and its
   * accept one that it has just taken (ADR 41). Of each full heap at most one is given up.
   */
  int takeLostSockets() {
    int lost = lostSockets;
    lostSockets = 0;
    return lost;
  }

  /** Waits until nothing is left of a process that was killed. */
  void awaitNothingLeft(Remains remains) {
    List<Long> pids = members.stream().map(member -> member.child().pid()).toList();
    await(
        () -> "what a dead process had to go: " + remains.left(pids),
        () -> remains.left(pids).isEmpty(),
        GONE_NANOS);
  }

  private int connections() {
    return children().mapToInt(Child::connections).sum();
  }

  private String listConnections() {
    return children()
        .map(child -> "%n%s: %s".formatted(child.name(), child.listConnections()))
        .collect(Collectors.joining());
  }

  private int throughRelays() {
    return relays().mapToInt(Relay::connections).sum();
  }

  void resetConnections() {
    relays().forEach(Relay::resetAll);
  }

  /** Waits until all members find each other, as the service has been away or has lost them. */
  void awaitService() {
    if (service.isEmpty()) {
      return;
    }
    for (Member from : members) {
      members.stream().filter(to -> to != from).forEach(to -> awaitFound(from, to));
    }
  }

  private void awaitFound(Member from, Member to) {
    String[] last = {""};
    await(
        () -> from.name() + " to find " + to.name() + ": " + last[0],
        () -> {
          Outcome opened = Outcome.parse(from.child().ask("open", 0, to.segment(), OPEN_MILLIS));
          last[0] = opened.text();
          return opened.completed();
        });
  }

  private void await(Supplier<String> what, BooleanSupplier happened) {
    await(what, happened, WAIT_NANOS);
  }

  private void await(Supplier<String> what, BooleanSupplier happened, long nanos) {
    long endNanos = System.nanoTime() + nanos;
    for (int millis = 1; !happened.getAsBoolean(); millis = Math.min(2 * millis, STEP_MILLIS)) {
      if (System.nanoTime() - endNanos > 0) {
        throw new AssertionError(
            "Waited in vain for %s: %d in processes, %d in relays%s"
                .formatted(what.get(), connections(), throughRelays(), listConnections()));
      }
      try {
        Thread.sleep(millis);
      } catch (InterruptedException e) {
        throw new AssertionError("Nobody knows this thread", e);
      }
    }
  }

  /** {@return the ends of the processes' logs, for a failure} */
  String logs() {
    StringBuilder all = new StringBuilder();
    for (Child child : children().toList()) {
      all.append("--- ").append(child.name()).append('\n');
      try {
        String log = Files.readString(setup.log(child.name()));
        all.append(log, Math.max(0, log.length() - LOG_CHARACTERS), log.length());
      } catch (IOException e) {
        all.append(e);
      }
    }
    return all.toString();
  }

  @Override
  public void close() {
    members.forEach(Member::close);
    service.ifPresent(Service::close);
    Shortage.clearUsers();
  }
}
