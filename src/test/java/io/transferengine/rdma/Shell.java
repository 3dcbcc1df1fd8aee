// SPDX-License-Identifier: Apache-2.0
package io.transferengine.rdma;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;

/** Commands of the machine: the network's and RDMA's. */
final class Shell {
  private static final int LIMIT_SECONDS = 30;

  private Shell() {}

  /** {@return what a command printed; it must succeed} */
  static String run(String... command) {
    String text = String.join(" ", command);
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      process.getOutputStream().close();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new IllegalStateException(text + " does not end");
      }
      if (process.exitValue() != 0) {
        throw new IllegalStateException(text + " gave " + process.exitValue() + ": " + output);
      }
      return output;
    } catch (IOException e) {
      throw new UncheckedIOException(text, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(text, e);
    }
  }

  /** Takes the cable of {@code rxe0} and {@code rxe1} (rail 0) or of another rail away. */
  static void cut(int rail) {
    run("ip", "link", "set", "veth" + (2 * rail + 1), "down");
  }

  /** Gives it back; also when it was not taken. */
  static void mend(int rail) {
    for (int end = 0; end < 2; end++) {
      int device = 2 * rail + end;
      run("ip", "link", "set", "veth" + device, "up");
      // A neighbour does not outlive its link.
      run(
          "ip",
          "neigh",
          "replace",
          "10.99." + rail + "." + (2 - end),
          "lladdr",
          "02:00:00:00:0" + rail + ":0" + (2 - end),
          "nud",
          "permanent",
          "dev",
          "veth" + device);
    }
  }

  /** Loses packets in both directions of a rail. */
  static void lose(int rail, String percent) {
    for (int end = 0; end < 2; end++) {
      run(
          "tc",
          "qdisc",
          "replace",
          "dev",
          "veth" + (2 * rail + end),
          "root",
          "netem",
          "loss",
          percent);
    }
  }

  /** Ends {@link #lose}. */
  static void loseNothing(int rail) {
    for (int end = 0; end < 2; end++) {
      run("tc", "qdisc", "del", "dev", "veth" + (2 * rail + end), "root");
    }
  }
}
