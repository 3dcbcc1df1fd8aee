// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.target.EngineSetup;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A program of perftest, both sides of it, between the devices of both of ours: MTU 4096. */
record PerftestRun(Path program, EngineSetup initiator, EngineSetup target)
    implements PerftestProgram {
  /** Time for the server to start; the client waits longer with each attempt, up to a limit. */
  private static final Duration SERVER_START = Duration.ofMillis(400);

  private static final int SERVER_START_FACTOR_LIMIT = 5;

  @Override
  public String name() {
    return String.valueOf(program.getFileName());
  }

  @Override
  public String run(long sizeBytes, List<String> options, Duration limit, int attempt) {
    Process server = null;
    Process client = null;
    try {
      int port = FreePorts.next();
      server =
          new ProcessBuilder(command(target, sizeBytes, options, port))
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      Thread.sleep(SERVER_START.multipliedBy(Math.min(attempt, SERVER_START_FACTOR_LIMIT)));
      List<String> command = command(initiator, sizeBytes, options, port);
      command.add(target.host());
      client = new ProcessBuilder(command).redirectErrorStream(true).start();
      // Its output of some 2 KB fits into a pipe.
      if (!client.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
        return NO_END + limit.toSeconds() + " s";
      }
      return new String(client.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      return String.valueOf(e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw CommandException.failed("Interrupted while " + name() + " ran");
    } finally {
      Reference.end(client);
      Reference.end(server);
    }
  }

  private List<String> command(EngineSetup side, long sizeBytes, List<String> options, int port) {
    List<String> command = new ArrayList<>();
    command.add(program.toString());
    if (!side.device().isEmpty()) {
      command.addAll(List.of("-d", side.device()));
    }
    command.addAll(List.of("-m", "4096", "-F"));
    command.addAll(options);
    command.addAll(List.of("-s", Long.toString(sizeBytes), "-p", Integer.toString(port)));
    return command;
  }
}
