// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.faults.Changes;
import io.transferengine.cli.faults.CheckedMemory;
import io.transferengine.transfer.Operation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.stream.Collectors;

/**
 * One fault. Transfers run while it strikes; then it is mended, every byte of all memory is checked
 * ({@link Account}), and what did not complete is done once more, which has to work.
 *
 * <p>Sources change as soon as a transfer has ended: what is sent later is foreign.
 */
final class Round {
  /** For what has to work. */
  private static final int PATIENCE_MILLIS = 90_000;

  private static final int OPEN_MILLIS = 1000;

  private final Group group;
  private final Plan plan;
  private final Figures figures;
  private final Account account;

  Round(Group group, Plan plan, Figures figures) {
    this.group = group;
    this.plan = plan;
    this.figures = figures;
    this.account = new Account(group.members(), plan::content, plan.moments().takeBack());
  }

  /** {@return whether the fault struck} Throws an AssertionError if something is wrong. */
  boolean run() {
    if (plan.fresh()) {
      group.resetConnections();
      group.awaitOnlyLiveConnections();
    }
    plan.moments().reopened().ifPresent(Member::reopen);
    group.forget();
    plan.moves().forEach(this::giveContent);
    Map<Planned, List<byte[]>> contents = contents();
    plan.moments().takeBack().ifPresent(TakeBack::begin);
    group.trap().arm(plan.fault(), plan.deed()::begin);
    plan.cut().ifPresent(Cut::begin);
    plan.deed().beginAt(plan.moments().deedMicros());
    Map<Planned, Outcome> outcomes = perform(plan.moves(), true);
    boolean struck = group.trap().end();
    plan.deed().end();
    plan.moments().takeBack().ifPresent(taken -> taken.end(plan.deed()));
    plan.cut().ifPresent(Cut::end);
    if (plan.resets()) {
      group.resetConnections();
    }
    group.awaitOnlyLiveConnections();
    plan.deed().remains().ifPresent(group::awaitNothingLeft);
    figures.addLostSockets(group.takeLostSockets());
    if (plan.touchesService() || plan.deed().hasBegun()) {
      group.awaitService();
    }
    Optional<Changes> hit = group.trap().struck();
    List<Planned> open = new ArrayList<>();
    outcomes.forEach(
        (move, outcome) -> {
          if (!account(move, outcome, hit)) {
            open.add(move);
          }
        });
    hit.ifPresent(changes -> account.add(changes, outcomes));
    plan.moments().takeBack().ifPresent(taken -> taken.account(outcomes, contents, plan.deed()));
    try {
      check();
    } catch (AssertionError e) {
      throw new AssertionError(e.getMessage() + "; ended: " + outcomes, e);
    }
    if (plan.resets()) {
      group.members().forEach(member -> member.memory().settle());
    }
    outcomes.forEach(this::changeDestination);
    redo(open.isEmpty() ? plan.moves().subList(0, 1) : open);
    return struck;
  }

  /** What a transfer reads is new: old bytes would not show that they have arrived. */
  private void giveContent(Planned move) {
    for (Planned.Span span : move.spans()) {
      move.source().memory().set(move.sourceOffset(span), plan.content(span.length()));
    }
  }

  private Map<Planned, List<byte[]>> contents() {
    Map<Planned, List<byte[]>> contents = new LinkedHashMap<>();
    for (Planned move : plan.moves()) {
      CheckedMemory source = move.source().memory();
      contents.put(
          move,
          move.spans().stream()
              .map(span -> source.expected(move.sourceOffset(span), span.length()))
              .toList());
    }
    return contents;
  }

  /** What arrives late, behind the end of a read, is found. */
  private void changeDestination(Planned move, Outcome outcome) {
    if (move.operation() == Operation.READ && outcome.completed()) {
      for (Planned.Span span : move.spans()) {
        move.destination().memory().set(span.here(), plan.content(span.length()));
      }
    }
  }

  private Map<Planned, Outcome> perform(List<Planned> moves, boolean faulty) {
    Map<Member, List<Planned>> byInitiator =
        moves.stream()
            .collect(
                Collectors.groupingBy(Planned::initiator, LinkedHashMap::new, Collectors.toList()));
    Map<List<Planned>, FutureTask<List<Outcome>>> running = new LinkedHashMap<>();
    byInitiator.forEach(
        (member, own) -> {
          FutureTask<List<Outcome>> task = new FutureTask<>(() -> ask(member, own, faulty));
          running.put(own, task);
          var _ = Thread.ofVirtual().start(task);
        });
    Map<Planned, Outcome> all = new LinkedHashMap<>();
    running.forEach(
        (own, task) -> {
          List<Outcome> ended = get(task);
          for (int i = 0; i < own.size(); i++) {
            all.put(own.get(i), ended.get(i));
          }
        });
    return all;
  }

  private static List<Outcome> get(FutureTask<List<Outcome>> task) {
    try {
      return task.get();
    } catch (ExecutionException e) {
      throw new AssertionError("A process gave no answer: " + e.getCause(), e.getCause());
    } catch (InterruptedException e) {
      throw new AssertionError("Nobody knows this thread", e);
    }
  }

  private List<Outcome> ask(Member member, List<Planned> moves, boolean faulty) {
    int stopped = faulty ? plan.deed().millis() : 0;
    try {
      if (faulty && plan.handshake()) {
        Outcome opened =
            Outcome.parse(
                member
                    .child()
                    .ask("open", stopped, moves.getFirst().target().segment(), OPEN_MILLIS));
        requireEnded(opened);
      }
      String list = moves.stream().map(move -> move.move().text()).collect(Collectors.joining("|"));
      return Arrays.stream(member.child().ask("move", stopped, list).split("\\|", -1))
          .map(Outcome::parse)
          .toList();
    } catch (CommandException e) {
      if (faulty && plan.deed().kills(member)) {
        return moves.stream().map(_ -> new Outcome(Outcome.UNKNOWN, false, "")).toList();
      }
      throw e;
    }
  }

  private static void requireEnded(Outcome outcome) {
    if (outcome.hung()) {
      throw new AssertionError("Did not end in time: " + outcome.text());
    }
  }

  /** Says which bytes may have changed by a transfer. {@return whether it is done} */
  private boolean account(Planned move, Outcome outcome, Optional<Changes> hit) {
    figures.addTransfer(outcome, move.bytes());
    requireEnded(outcome);
    return account.add(move, outcome, hit);
  }

  private void check() {
    group.members().forEach(member -> member.memory().check());
  }

  private void redo(List<Planned> open) {
    List<Planned> again = open.stream().map(move -> move.patient(PATIENCE_MILLIS)).toList();
    again.forEach(this::giveContent);
    Account account = new Account(group.members(), plan::content, Optional.empty());
    perform(again, false)
        .forEach(
            (move, outcome) -> {
              if (!outcome.completed()) {
                throw new AssertionError(
                    "Nothing is in its way, but %s: %s %s"
                        .formatted(move, outcome.state(), outcome.text()));
              }
              figures.addTransfer(outcome, move.bytes());
              boolean _ = account.add(move, outcome, Optional.empty());
            });
    check();
    for (Member member : group.members()) {
      if (member.memory().isUnsure()) {
        throw new IllegalStateException("Not all of " + member.name() + " is known");
      }
    }
  }
}
