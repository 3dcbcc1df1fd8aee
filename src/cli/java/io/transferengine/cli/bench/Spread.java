// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import java.util.Arrays;
import java.util.Collection;

/** The median and the ends of some figures; of an even number the mean of the middle two. */
record Spread(double median, double min, double max) {
  /**
   * {@return the spread of one figure or more}
   *
   * @throws IllegalArgumentException for none
   */
  static Spread of(Collection<Double> figures) {
    if (figures.isEmpty()) {
      throw new IllegalArgumentException("The spread of no figures");
    }
    double[] sorted = figures.stream().mapToDouble(Double::doubleValue).toArray();
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    double median =
        sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    return new Spread(median, sorted[0], sorted[sorted.length - 1]);
  }
}
