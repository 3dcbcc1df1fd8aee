// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

/** One line of the table. It may be measured any number of times. */
interface BenchCase {
  BenchRow row();

  /** Warms up, measures, and compares the content. */
  BenchResult measure();
}
