// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.transfer.BlockColumns;
import java.util.Optional;

/** One line of the table. It may be measured any number of times. */
interface BenchCase {
  BenchRow row();

  /** Warms up, measures, and compares the content. */
  BenchResult measure();

  /** {@return what a thread moves in a batch; empty if each batch moves something else} */
  default Optional<BlockColumns> blocks() {
    return Optional.empty();
  }
}
