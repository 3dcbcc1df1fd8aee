// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.console;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/**
 * Standard output and error. Results go to standard output. Colours go only to a terminal, and not
 * with {@code NO_COLOR}; progress goes only to a terminal.
 */
public final class Terminal {
  private static final String GREEN = "\u001b[32m";
  private static final String RED = "\u001b[31m";
  private static final String BOLD = "\u001b[1m";
  private static final String PLAIN = "\u001b[0m";

  /** The bar is on the last line; it is drawn again below the printed line. */
  private static final String ERASE_LINE = "\r\u001b[K";

  /** Fits the narrowest terminal that people use. */
  private static final int BAR_WIDTH = 79;

  private static final int UNLIMITED = Integer.MAX_VALUE;

  private static final int STANDARD_OUTPUT = 1;
  private static final int STANDARD_ERROR = 2;

  private final boolean colour;
  private final boolean output;
  private final boolean progress;
  private final int width;
  private boolean barShown;

  public Terminal(CommandEnvironment environment) {
    this(
        environment.colour(),
        isTerminal(STANDARD_OUTPUT),
        isTerminal(STANDARD_ERROR),
        isTerminal(STANDARD_OUTPUT) ? widthOfTerminal() : UNLIMITED);
  }

  Terminal(boolean colourWelcome, boolean outputIsTerminal, boolean errorIsTerminal, int width) {
    colour = colourWelcome && outputIsTerminal;
    output = outputIsTerminal;
    progress = errorIsTerminal;
    this.width = width;
  }

  boolean colour() {
    return colour;
  }

  /** {@return whether somebody sees the output as it comes, and may press keys} */
  public boolean isInteractive() {
    return output;
  }

  /** {@return the most characters of a line} */
  public int width() {
    return width;
  }

  public void line(String text) {
    System.out.println(barShown && output ? ERASE_LINE + text : text);
    System.out.flush();
  }

  /** Prints a text in as many lines as the terminal needs for it, cut between words. */
  public void paragraph(String text) {
    wrapped(text, width).forEach(this::line);
  }

  /** {@return the text in parts of at most {@code width} characters, cut between words} */
  static List<String> wrapped(String text, int width) {
    List<String> parts = new ArrayList<>();
    String rest = text;
    while (rest.length() > width) {
      int space = rest.lastIndexOf(' ', width);
      if (space <= 0) {
        space = rest.indexOf(' ', width);
      }
      if (space < 0) {
        break;
      }
      parts.add(rest.substring(0, space));
      rest = rest.substring(space + 1);
    }
    parts.add(rest);
    return parts;
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

  /** {@return a bar on standard error; it shows nothing if that is not a terminal} */
  public Progress progress(String task, long steps) {
    barShown = progress;
    return progress ? new Progress(bar(task, steps)) : Progress.none();
  }

  /**
   * The consumer is set explicitly. The default one asks JLine for the terminal, which replaces the
   * JVM's handler of Ctrl-C and moves the cursor between lines.
   */
  private static ProgressBar bar(String task, long steps) {
    return new ProgressBarBuilder()
        .setTaskName(task)
        .setInitialMax(steps)
        .setStyle(ProgressBarStyle.ASCII)
        .setConsumer(new ConsoleProgressBarConsumer(System.err, BAR_WIDTH))
        .setUpdateIntervalMillis(200)
        .clearDisplayOnFinish()
        .build();
  }

  /** Asks stty, which is on every machine; the JDK does not know the width. */
  private static int widthOfTerminal() {
    try {
      Process stty =
          new ProcessBuilder("stty", "size")
              .redirectInput(new File("/dev/tty"))
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      String[] rowsAndColumns =
          new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII)
              .strip()
              .split(" ", -1);
      int columns = Integer.parseInt(rowsAndColumns[rowsAndColumns.length - 1]);
      return columns > 0 ? columns : UNLIMITED;
    } catch (IOException | NumberFormatException e) {
      return UNLIMITED;
    }
  }

  /**
   * The JDK tells only about input and output together; Linux tells about each. Other systems get
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
