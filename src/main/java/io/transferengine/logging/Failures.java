// SPDX-License-Identifier: Apache-2.0
package io.transferengine.logging;

import org.jspecify.annotations.Nullable;

/**
 * Collects the failures of several steps, each of which is tried whatever the others throw. At the
 * end the first failure is thrown. For one thread.
 */
public final class Failures {
  /** Further failures that are kept. Nothing else limits their number. */
  private static final int SUPPRESSED_LIMIT = 10;

  private @Nullable Throwable first;
  private int count;

  /** Starts without a failure. */
  public Failures() {}

  /** Runs one step and keeps what it throws. */
  public void attempt(Runnable part) {
    try {
      part.run();
    } catch (Throwable t) {
      add(t);
    }
  }

  /** Keeps a failure: an unchecked exception or an Error. */
  public void add(Throwable failure) {
    Throwable before = first;
    count++;
    if (before == null) {
      first = failure;
    } else if (before != failure && count <= 1 + SUPPRESSED_LIMIT) {
      before.addSuppressed(failure);
    }
  }

  /** Throws the first failure, if there is one, with some of the others suppressed in it. */
  public void throwIfAny() {
    throwIfAny(first);
  }

  /** Throws a failure, if there is one: for who has no memory to spare for an object of this. */
  public static void throwIfAny(@Nullable Throwable first) {
    // No switch over types: it makes objects when it is first used, and if there is no memory for
    // them, it fails from then on, also without a failure to throw.
    if (first instanceof Error error) {
      throw error;
    } else if (first instanceof RuntimeException exception) {
      throw exception;
    } else if (first != null) {
      throw new IllegalStateException(first);
    }
  }
}
