// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

/** Two actions, of which neither keeps the other from running. */
final class Both {
  private Both() {}

  static Runnable of(Runnable first, Runnable second) {
    return () -> {
      try {
        first.run();
      } finally {
        second.run();
      }
    };
  }
}
