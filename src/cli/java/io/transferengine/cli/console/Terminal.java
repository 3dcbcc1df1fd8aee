// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.console;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/**
 * What standard output and error lead to. Results go to standard output; colours only onto a
 * terminal, and not with {@code NO_COLOR}; progress only onto a terminal.
 */
public final class Terminal {
  private static final String GREEN = "\u001b[32m";
  private static final String RED = "\u001b[31m";
  private static final String BOLD = "\u001b[1m";
  private static final String PLAIN = "\u001b[0m";

  private static final int STANDARD_OUTPUT = 1;
  private static final int STANDARD_ERROR = 2;

  private final boolean colour;
  private final boolean progress;

  public Terminal(CommandEnvironment environment) {
    this(environment.colour(), isTerminal(STANDARD_OUTPUT), isTerminal(STANDARD_ERROR));
  }

  public Terminal(boolean colourWelcome, boolean outputIsTerminal, boolean errorIsTerminal) {
    colour = colourWelcome && outputIsTerminal;
    progress = errorIsTerminal;
  }

  boolean colour() {
    return colour;
  }

  public void line(String text) {
    System.out.println(text);
  }

  /** {@return the text in green} */
  String good(String text) {
    return colour ? GREEN + text + PLAIN : text;
  }

  /** {@return the text in red} */
  String bad(String text) {
    return colour ? RED + text + PLAIN : text;
  }

  String heading(String text) {
    return colour ? BOLD + text + PLAIN : text;
  }

  /** {@return a bar on standard error, which does nothing where that is no terminal} */
  public Progress progress(String task, long steps) {
    return progress ? new Progress(bar(task, steps)) : Progress.none();
  }

  private static ProgressBar bar(String task, long steps) {
    return new ProgressBarBuilder()
        .setTaskName(task)
        .setInitialMax(steps)
        .setStyle(ProgressBarStyle.ASCII)
        .setUpdateIntervalMillis(200)
        .clearDisplayOnFinish()
        .build();
  }

  /**
   * The JDK only tells about input and output together; Linux tells about each. Elsewhere there are
   * neither colours nor bars.
   */
  private static boolean isTerminal(int descriptor) {
    try {
      String target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor)).toString();
      return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty");
    } catch (IOException | UnsupportedOperationException e) {
      return false;
    }
  }
}
