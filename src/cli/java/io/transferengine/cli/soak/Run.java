// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

/**
 * Rounds of a group, one after another, each with the next seed. A run that begins with a round's
 * seed replays it.
 */
final class Run implements AutoCloseable {
  /** Between two looks at what the processes hold. */
  private static final long LOOK_ROUNDS = 40;

  private final Setup setup;
  private final Figures figures;
  private final Health health;
  private final Group group;
  private long seed;
  private long rounds;

  /** Starts a group. */
  Run(Setup setup, int members, long seed, Figures figures) {
    this.setup = setup;
    this.seed = seed;
    this.figures = figures;
    health = new Health(setup.fullHeaps());
    group = new Group(setup, members, seed);
  }

  /** Runs the next round. Throws an AssertionError if something is wrong. */
  void round() {
    Plan plan = new Plan(group, seed);
    try {
      boolean struck = new Round(group, plan, figures).run();
      figures.addRound(plan.names(struck), plan.cut().isPresent());
      if (rounds % LOOK_ROUNDS == 0) {
        group.resetConnections();
        group.awaitOnlyLiveConnections();
        health.look(group.members());
      }
    } catch (AssertionError | RuntimeException e) {
      throw new AssertionError(
          "%s%n  after %d rounds of %s, in %s%n%s"
              .formatted(e.getMessage(), rounds, setup.configuration(), plan, group.logs()),
          e);
    }
    rounds++;
    seed++;
  }

  /** Changes a byte behind the checker's back. */
  void spoil() {
    group.members().forEach(member -> member.memory().invert(0));
  }

  /** {@return the seed of the round that runs, or is next} */
  long seed() {
    return seed;
  }

  @Override
  public void close() {
    group.close();
  }
}
