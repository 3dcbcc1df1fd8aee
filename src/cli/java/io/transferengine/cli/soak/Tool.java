// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.cli.console.CommandException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Commands of the machine that faults need. */
final class Tool {
  private Tool() {}

  /** Runs a command to its end. {@return what went wrong; nothing if nothing did} */
  static String run(List<String> command) {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      process.getOutputStream().close();
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      int status = process.waitFor();
      return status == 0
          ? ""
          : "'%s' ended with %d: %s".formatted(String.join(" ", command), status, said.strip());
    } catch (IOException e) {
      throw CommandException.lacks(command.getFirst() + " cannot be run: " + e.getMessage());
    } catch (InterruptedException e) {
      throw new AssertionError("Nobody knows this thread", e);
    }
  }

  /** The same for one that has to succeed. */
  static void require(List<String> command) {
    String complaint = run(command);
    if (!complaint.isEmpty()) {
      throw CommandException.lacks(complaint);
    }
  }
}
