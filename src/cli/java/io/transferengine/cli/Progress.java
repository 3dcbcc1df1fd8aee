// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli;

import me.tongfei.progressbar.ProgressBar;
import org.jspecify.annotations.Nullable;

/** How far a command is, on a terminal; nothing elsewhere. */
final class Progress implements AutoCloseable {
  private final @Nullable ProgressBar bar;

  Progress(@Nullable ProgressBar bar) {
    this.bar = bar;
  }

  /** One step done; {@code next} is what comes. */
  void step(String next) {
    if (bar != null) {
      bar.step();
      bar.setExtraMessage(next);
    }
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
    }
  }
}
