// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import java.util.List;

/** What is measured, and the memory for it on both sides. */
interface BenchWorkload extends AutoCloseable {
  List<BenchCase> cases();

  /** {@return a line for below the table: how the blocks lie} */
  String explanation();

  @Override
  void close();
}
