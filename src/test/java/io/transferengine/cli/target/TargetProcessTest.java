// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.target;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.transferengine.cli.CommandRun;
import io.transferengine.cli.console.CommandEnvironment;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The second process: what it answers, and that it never outlives the first. */
@Timeout(120)
class TargetProcessTest {
  @Test
  void answersEachRequestWithALine() throws Exception {
    Process process =
        TargetProcess.java(CommandEnvironment.current(), TargetAgentCommand.class, List.of())
            .start();
    try (BufferedReader replies =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      assertThat(replies.readLine()).startsWith("@ok 127.0.0.1:");
      assertThat(ask(process, replies, "digest")).startsWith("@error Nothing has been allocated");
      assertThat(ask(process, replies, "allocate 2 4 3 4096 1"))
          .matches("@ok [0-9]+,[0-9]+ [0-3],[0-3],[0-3]");
      String zero = ask(process, replies, "digest");
      ask(process, replies, "flip");
      assertThat(ask(process, replies, "digest")).hasSameSizeAs(zero).isNotEqualTo(zero);
      assertThat(ask(process, replies, "allocate 1")).startsWith("@error ");
      assertThat(ask(process, replies, "allocate 1 1 2 4096 1")).startsWith("@error ");
      assertThat(ask(process, replies, "what")).startsWith("@error 'what' is not a request");
      assertThat(ask(process, replies, "cpu")).matches("@ok [0-9]+");
    }
    assertThat(CommandRun.wait(process).status()).isZero();
  }

  private static String ask(Process process, BufferedReader replies, String request)
      throws IOException {
    OutputStream out = process.getOutputStream();
    out.write((request + "\n").getBytes(StandardCharsets.UTF_8));
    out.flush();
    return String.valueOf(replies.readLine());
  }

  @Test
  void endsWhenTheFirstProcessIsKilled() throws Exception {
    Process first = CommandRun.start("bench", "--idle", "600");
    try {
      await().until(() -> first.children().findAny().isPresent() || !first.isAlive());
      Optional<ProcessHandle> second = first.children().findAny();
      assertThat(second).isPresent();
      first.destroyForcibly();
      await().until(() -> !second.get().isAlive());
    } finally {
      first.destroyForcibly();
    }
  }
}
