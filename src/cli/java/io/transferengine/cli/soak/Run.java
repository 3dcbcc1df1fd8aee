// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.cli.faults.Act;
import java.util.EnumMap;
import java.util.Map;

/**
 * Rounds of a group, one after another, each with the next seed. A run that begins with a round's
 * seed replays it.
 */
public final class Run implements AutoCloseable {
  private final Group group;
  private final String how;
  private long seed;
  private long rounds;
  private long struck;
  private final Map<Act, Long> acts = new EnumMap<>(Act.class);

  /**
   * Starts a group.
   *
   * @param how to replay it, besides the seed
   */
  Run(Member.Setup setup, int members, String how, long seed) {
    this.how = how;
    this.seed = seed;
    group = new Group(setup, members, seed);
  }

  /** Runs the next round. */
  void round() {
    Plan plan = new Plan(group.members(), seed);
    try {
      if (new Round(group, plan).run()) {
        struck++;
        acts.merge(plan.fault().act(), 1L, Long::sum);
      }
    } catch (AssertionError | RuntimeException e) {
      throw new AssertionError(
          "%s%n  after %d rounds, in %s%n  replay with -Dseed=%d %s%n%s"
              .formatted(e.getMessage(), rounds, plan, seed, how, group.logs()),
          e);
    }
    rounds++;
    seed++;
  }

  /** {@return faults that struck} */
  long faults() {
    return struck;
  }

  /** {@return what has happened so far} */
  @Override
  public String toString() {
    return "%d faults in %d rounds: %s".formatted(struck, rounds, acts);
  }

  @Override
  public void close() {
    group.close();
  }
}
