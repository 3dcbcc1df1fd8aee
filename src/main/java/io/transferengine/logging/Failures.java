// SPDX-License-Identifier: Apache-2.0
package io.transferengine.logging;

import org.jspecify.annotations.Nullable;

/**
 * What went wrong while something was done to many, each of which was tried: the first of it is
 * thrown at the end. For one thread.
 */
public final class Failures {
  /** Further ones that are kept; a text each, whose number nobody limits otherwise. */
  private static final int SUPPRESSED_LIMIT = 10;

  private @Nullable Throwable first;
  private int count;

  /** Nothing has failed yet. */
  public Failures() {}

  /** Does a part of it; what that throws is kept. */
  public void attempt(Runnable part) {
    try {
      part.run();
    } catch (Throwable t) {
      add(t);
    }
  }

  /** An unchecked exception or an Error. */
  public void add(Throwable failure) {
    Throwable before = first;
    count++;
    if (before == null) {
      first = failure;
    } else if (before != failure && count <= 1 + SUPPRESSED_LIMIT) {
      before.addSuppressed(failure);
    }
  }

  /** Throws the first, if there is one, with some of the others as suppressed ones. */
  public void throwIfAny() {
    switch (first) {
      case null -> {}
      case Error error -> throw error;
      case RuntimeException exception -> throw exception;
      case Throwable checked -> throw new IllegalStateException(checked);
    }
  }
}
