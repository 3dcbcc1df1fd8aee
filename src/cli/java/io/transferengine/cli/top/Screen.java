// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.top;

import io.transferengine.cli.console.Interruption;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The whole terminal, and its keys. {@code stty} does what Java cannot: it is on every machine. The
 * terminal is as it was after {@link #close}, and after a signal. For one thread.
 */
final class Screen implements AutoCloseable {
  /** The size of a screen. */
  record Size(int width, int height) {}

  /** No key was pressed. */
  static final int NONE = -1;

  /** The terminal is gone. */
  static final int END = -2;

  private static final File TERMINAL = new File("/dev/tty");

  /** The other screen, which leaves what was on this one; no cursor. */
  private static final String ENTER = "\u001b[?1049h\u001b[?25l";

  private static final String LEAVE = "\u001b[?25h\u001b[?1049l";
  private static final String HOME = "\u001b[H";
  private static final String END_OF_LINE = "\u001b[K";
  private static final String REST = "\u001b[J";

  /** How long a read waits for a key, in tenths of a second. */
  private static final int READ_TENTHS = 2;

  private static final long READ_NANOS = READ_TENTHS * 100_000_000L;
  private static final Size USUAL = new Size(80, 24);

  private final String saved;
  private final InputStream keys;
  private final Interruption interruption;
  private volatile boolean left;

  private Screen(String saved, InputStream keys) {
    this.saved = saved;
    this.keys = keys;
    interruption = Interruption.handle(this::restore);
  }

  /** {@return the screen; empty without a terminal} */
  static Optional<Screen> open() {
    try {
      String saved = stty("-g");
      // Keys come at once and are not shown; a read ends without one. To stop the process by a key
      // would leave the terminal like that.
      String _ =
          stty(
              "-icanon",
              "-echo",
              "min",
              "0",
              "time",
              Integer.toString(READ_TENTHS),
              "susp",
              "undef");
      Screen screen = new Screen(saved, new FileInputStream(TERMINAL));
      System.out.print(ENTER);
      return Optional.of(screen);
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** {@return its size now: it may change at any time} */
  Size size() {
    try {
      List<String> parts = List.of(stty("size").split(" ", -1));
      Size found = new Size(Integer.parseInt(parts.getLast()), Integer.parseInt(parts.getFirst()));
      return found.width() > 0 && found.height() > 0 ? found : USUAL;
    } catch (IOException | NumberFormatException e) {
      return USUAL;
    }
  }

  /** Shows lines instead of those before. */
  void show(List<String> lines) {
    if (left) {
      return; // A signal ends us: what is shown now would stay.
    }
    StringBuilder all = new StringBuilder(HOME);
    for (int i = 0; i < lines.size(); i++) {
      all.append(i == 0 ? "" : "\n").append(lines.get(i)).append(END_OF_LINE);
    }
    System.out.print(all.append(REST));
    System.out.flush();
  }

  /** {@return the next key; {@link #NONE} if there is none in time, {@link #END} if none can be} */
  int key(long nanos) {
    long startNanos = System.nanoTime();
    long reads = 0;
    try {
      while (true) {
        int key = keys.read();
        if (key >= 0) {
          return key;
        }
        reads++;
        long passed = System.nanoTime() - startNanos;
        // At the end of a terminal a read ends at once.
        if (reads > 10 && passed < reads * READ_NANOS / 4) {
          return END;
        }
        if (passed >= nanos) {
          return NONE;
        }
      }
    } catch (IOException e) {
      return END;
    }
  }

  private static String stty(String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of("stty"));
    command.addAll(List.of(arguments));
    Process stty =
        new ProcessBuilder(command)
            .redirectInput(TERMINAL)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    String answer =
        new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII).strip();
    try {
      if (stty.waitFor() != 0) {
        throw new IOException("stty ended with " + stty.exitValue());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
    return answer;
  }

  private void restore() {
    left = true;
    System.out.print(LEAVE);
    System.out.flush();
    try {
      String _ = stty(saved);
    } catch (IOException e) {
      // There is no terminal any more.
    }
  }

  @Override
  public void close() {
    interruption.close();
    restore();
    try {
      keys.close();
    } catch (IOException e) {
      // It was only read.
    }
  }
}
