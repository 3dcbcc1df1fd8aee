// SPDX-License-Identifier: Apache-2.0
package io.transferengine.events;

import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;

/** How an engine fares at a moment, as far as it knows itself. Immutable. */
public final class EngineHealth {
  /** A judgement. There may be more in later versions. */
  public enum State {
    /** Nothing is known to be wrong. */
    UP,
    /** It moves bytes, but something is wrong that somebody should see to. */
    DEGRADED,
    /** It moves nothing. */
    DOWN
  }

  /** Something that is wrong. Immutable. */
  public static final class Problem {
    private final String what;
    private final String remedy;

    /**
     * A problem.
     *
     * @param what what is wrong, a sentence without its end
     * @param remedy what to do, the same
     */
    public Problem(String what, String remedy) {
      this.what = Objects.requireNonNull(what, "what must not be null");
      this.remedy = Objects.requireNonNull(remedy, "remedy must not be null");
    }

    /** {@return what is wrong} */
    public String what() {
      return what;
    }

    /** {@return what to do} */
    public String remedy() {
      return remedy;
    }

    /** {@return both, in two sentences} */
    @Override
    public String toString() {
      return what + ". " + remedy + ".";
    }
  }

  private final State state;
  private final List<Problem> problems;

  private EngineHealth(State state, List<Problem> problems) {
    this.state = state;
    this.problems = problems;
  }

  /**
   * {@return the health of an engine that is open; for the engine, and for tests of those who ask
   * it}
   *
   * @param problems that it has
   */
  public static EngineHealth of(List<Problem> problems) {
    return new EngineHealth(problems.isEmpty() ? State.UP : State.DEGRADED, List.copyOf(problems));
  }

  /** {@return the health of an engine that is closed} */
  public static EngineHealth closed() {
    return new EngineHealth(
        State.DOWN, List.of(new Problem("The engine is closed", "Open another one")));
  }

  /** {@return the judgement} */
  public State state() {
    return state;
  }

  /** {@return why it is not UP; unmodifiable} */
  public List<Problem> problems() {
    return problems;
  }

  /** {@return the judgement and the problems, for people} */
  @Override
  public String toString() {
    return problems.isEmpty()
        ? state.name()
        : state
            + problems.stream().map(Problem::toString).collect(Collectors.joining(" ", ": ", ""));
  }
}
