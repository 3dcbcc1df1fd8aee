// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import java.util.Random;

/** Random numbers whose seed is printed, and taken from {@code -Dseed=} when it is given. */
final class Seeds {
  private Seeds() {}

  static Random random(String test) {
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println(test + ": replay with -Dseed=" + seed);
    return new Random(seed);
  }
}
