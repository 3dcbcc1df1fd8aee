// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * The command in a process of its own, on the class path of the tests, without a terminal.
 *
 * @param status its exit status
 * @param output what it wrote to standard output
 * @param error what it wrote to standard error
 */
public record CommandRun(int status, String output, String error) {

  public static CommandRun of(String... arguments) throws IOException, InterruptedException {
    return wait(start(arguments));
  }

  public static Process start(String... arguments) throws IOException {
    return builder(arguments).start();
  }

  public static ProcessBuilder builder(String... arguments) {
    List<String> command =
        new ArrayList<>(
            List.of(
                System.getProperty("java.home") + "/bin/java",
                "--enable-native-access=ALL-UNNAMED"));
    if (arguments.length == 0 || !arguments[0].equals("soak")) {
      // All others have ended before better code has paid for its compiler.
      command.add("-XX:TieredStopAtLevel=1");
    }
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command);
  }

  /** Ends its standard input and reads all that it says. */
  public static CommandRun wait(Process process) throws IOException, InterruptedException {
    process.getOutputStream().close();
    CompletableFuture<String> error =
        CompletableFuture.supplyAsync(() -> text(process.getErrorStream()));
    String output = text(process.getInputStream());
    return new CommandRun(process.waitFor(), output, error.join());
  }

  private static String text(InputStream in) {
    try {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      return "unreadable: " + e;
    }
  }

  /** {@return how many lines of the output end in {@code verdict}} */
  public long lines(String verdict) {
    return output.lines().filter(line -> line.endsWith(verdict)).count();
  }
}
