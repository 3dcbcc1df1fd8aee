// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import java.util.Arrays;
import java.util.Collection;

/**
 * The median, the least and the largest of some figures. The median of an even number of figures is
 * the mean of the middle two.
 */
record Spread(double median, double min, double max) {
  /**
   * {@return the spread of at least one figure}
   *
   * @throws IllegalArgumentException if there is none
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
