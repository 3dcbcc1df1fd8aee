// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.target;

import io.transferengine.cli.console.CommandException;
import io.transferengine.transfer.TransferException;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.function.Function;

/**
 * The side of a {@link TargetLink} that answers: one line for each request, {@code @ok} and the
 * result, or {@code @error} and one line. The first line is {@code @ok} and a greeting.
 */
public final class RequestLoop {
  /** A longer request is not ours: the longest, fill-pages, names some ten thousand pages. */
  private static final int REQUEST_LIMIT_BYTES = 1 << 20;

  private RequestLoop() {}

  /**
   * Answers until the input ends.
   *
   * @param answer of a request, given its words
   */
  public static void serve(
      InputStream in, OutputStream out, String greeting, Function<String[], String> answer)
      throws IOException {
    reply(out, TargetLink.OK, greeting);
    InputStream buffered = new BufferedInputStream(in);
    byte[] space = new byte[REQUEST_LIMIT_BYTES];
    for (int end = readLine(buffered, space); end >= 0; end = readLine(buffered, space)) {
      String[] words = words(space, end);
      try {
        reply(out, TargetLink.OK, answer.apply(words));
      } catch (CommandException | TransferException e) {
        reply(out, TargetLink.ERROR, String.valueOf(e.getMessage()));
      } catch (RuntimeException e) {
        reply(out, TargetLink.ERROR, String.join(" ", words) + ": " + e);
      }
    }
  }

  /** The soak fills heaps, for a while. */
  private static String[] words(byte[] line, int length) {
    while (true) {
      try {
        return new String(line, 0, length, StandardCharsets.UTF_8).split(" ", -1);
      } catch (OutOfMemoryError e) {
        Thread.onSpinWait();
      }
    }
  }

  /** {@return its length, without its end; -1 at the end of all} */
  private static int readLine(InputStream in, byte[] line) throws IOException {
    int length = 0;
    for (int next = in.read(); next >= 0; next = in.read()) {
      if (next == '\n') {
        return length;
      }
      if (length == line.length) {
        throw new IOException("A request is longer than " + line.length + " bytes");
      }
      line[length++] = (byte) next;
    }
    return -1;
  }

  private static void reply(OutputStream out, String verdict, String text) throws IOException {
    String line = TargetLink.MARK + verdict + " " + text.replaceAll("\\R", " ") + "\n";
    out.write(line.getBytes(StandardCharsets.UTF_8));
    out.flush();
  }
}
