// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * What happens in a round at a time of its own. Copies on one machine pass no connection, of which
 * a byte could be the place: so transfers are done again and again, and it strikes among them.
 *
 * @param deedMicros when the deed is done; negative if it waits for a place
 * @param takeBack memory that is taken back
 * @param reopened whose engine is another in this round: it and its peers ask each other for slots
 */
record Moments(int deedMicros, Optional<TakeBack> takeBack, Optional<Member> reopened) {
  /** Rounds are short without a network, and there are fewer other faults. */
  static final double MORE_DEEDS = 2.5;

  /** While the transfers of a round run, as a rule. */
  private static final int LATEST_MICROS = 20_000;

  private static final int MOST_TIMES = 40;
  private static final double TAKE_SHARE = 0.6;
  private static final double SHORT_SHARE = 0.2;
  private static final int SHORT_MILLIS = 20;
  private static final double TOGETHER_SHARE = 0.4;
  private static final int TOGETHER_MICROS = 1000;

  /** {@return nothing} */
  static Moments none() {
    return new Moments(-1, Optional.empty(), Optional.empty());
  }

  /** {@return some; transfers become such that are done often} */
  static Moments draw(
      SplittableRandom random,
      List<Planned> moves,
      List<Member> members,
      Deed deed,
      boolean fresh,
      boolean service,
      Group group) {
    moves.replaceAll(
        move ->
            move.repeated(
                1 + random.nextInt(MOST_TIMES),
                random.nextDouble() < SHORT_SHARE
                    ? 1 + random.nextInt(SHORT_MILLIS)
                    : move.limitMillis()));
    int deedMicros = random.nextInt(LATEST_MICROS);
    Member victim = victim(random, moves, members);
    List<TakeBackOrder.Kind> kinds = kinds(moves, victim, deed, service, group);
    TakeBackOrder.Kind kind = kinds.get(random.nextInt(kinds.size()));
    boolean managed = group.isManaged();
    List<Layout.Part> parts = new ArrayList<>(Layout.registered(managed));
    if (kind == TakeBackOrder.Kind.UNREGISTER && random.nextBoolean()) {
      parts.remove(random.nextInt(parts.size()));
    }
    int takeMicros =
        random.nextDouble() < TOGETHER_SHARE
            ? deedMicros + random.nextInt(TOGETHER_MICROS)
            : random.nextInt(LATEST_MICROS);
    boolean lacks = lacksSomething(deed);
    boolean exact = !group.mayUseNetwork();
    TakeBack drawn =
        new TakeBack(
            victim,
            new TakeBackOrder(
                kind,
                parts,
                takeMicros,
                (random.nextBoolean() && exact) || lacks,
                moves.stream().noneMatch(move -> move.initiator() == victim),
                managed,
                (byte) random.nextInt()));
    // What a network still has of a write may arrive as soon as the memory is offered again. A
    // record in the metadata service is written later; until then the process is asked itself.
    boolean may = exact || !lacks;
    boolean takes = random.nextDouble() < TAKE_SHARE && may;
    Member reopened = members.get(random.nextInt(members.size()));
    return new Moments(
        deedMicros,
        takes ? Optional.of(drawn) : Optional.empty(),
        fresh && !service ? Optional.of(reopened) : Optional.empty());
  }

  /** Often one that only waits for the others: more can be done to it. */
  private static Member victim(SplittableRandom random, List<Planned> moves, List<Member> members) {
    List<Member> targets = new ArrayList<>(members);
    targets.removeIf(each -> moves.stream().anyMatch(move -> move.initiator() == each));
    List<Member> from = targets.isEmpty() || random.nextBoolean() ? members : targets;
    return from.get(random.nextInt(from.size()));
  }

  /** Without descriptors or threads, or the metadata service, nothing can be opened again. */
  private static List<TakeBackOrder.Kind> kinds(
      List<Planned> moves, Member victim, Deed deed, boolean service, Group group) {
    List<TakeBackOrder.Kind> kinds = new ArrayList<>();
    kinds.add(TakeBackOrder.Kind.UNREGISTER);
    if (!service && !lacksSomething(deed) && !group.isManaged()) {
      kinds.add(TakeBackOrder.Kind.CLOSE);
      // Addresses that a network still has would mean other bytes of the new mapping. And who
      // copies from or to memory of its own, as the rig itself does, would meet the end of a file.
      if (!group.mayUseNetwork() && moves.stream().noneMatch(move -> move.initiator() == victim)) {
        kinds.add(TakeBackOrder.Kind.FREE);
        kinds.add(TakeBackOrder.Kind.SHRINK);
      }
    }
    return kinds;
  }

  private static boolean lacksSomething(Deed deed) {
    return switch (deed.kind()) {
      case NONE, STOP, KILL -> false;
      case DESCRIPTORS, THREADS, HEAP -> true;
    };
  }

  /** {@return whether there is a time for something} */
  boolean isSet() {
    return deedMicros >= 0;
  }

  @Override
  public String toString() {
    return isSet()
        ? " deed at %d us%s%s"
            .formatted(
                deedMicros,
                takeBack.map(TakeBack::toString).orElse(""),
                reopened.map(member -> ", " + member.name() + " opened again").orElse(""))
        : "";
  }
}
