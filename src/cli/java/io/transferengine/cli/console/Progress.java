// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.console;

import me.tongfei.progressbar.ProgressBar;
import org.jspecify.annotations.Nullable;

/** Shows the progress of a command on a terminal, and nothing elsewhere. */
public final class Progress implements AutoCloseable {
  private final @Nullable ProgressBar bar;

  Progress(@Nullable ProgressBar bar) {
    this.bar = bar;
  }

  /** {@return a progress that shows nothing} */
  public static Progress none() {
    return new Progress(null);
  }

  /** One step is done; {@code next} is the next one. */
  public void step(String next) {
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
