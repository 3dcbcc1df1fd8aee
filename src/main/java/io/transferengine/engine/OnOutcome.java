// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import org.jspecify.annotations.Nullable;

/**
 * What is done once the outcome of a transfer is set, once: at its end, or when it is told to end
 * and what is under way may still have to be waited for. Thread-safe.
 */
final class OnOutcome {
  // Guarded by this.
  private @Nullable Runnable action;
  private boolean isSet;

  /** Runs an action then; at once if it is so. The action must not block, and throws nothing. */
  void then(Runnable added) {
    synchronized (this) {
      if (!isSet) {
        action = added;
        return;
      }
    }
    added.run();
  }

  /** The outcome is set. May be called again. */
  void set() {
    Runnable now;
    synchronized (this) {
      isSet = true;
      now = action;
      action = null;
    }
    if (now != null) {
      now.run();
    }
  }
}
