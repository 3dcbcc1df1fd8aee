// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.cli.CommandRun;
import io.transferengine.testkit.KernelSockets;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** The target on another machine: where it listens, and what is no target. */
@Timeout(180)
class BenchTargetTest {
  private static final String MARK = "listening on ";

  private static final String SOCKET = "socket:[";

  /** As the kernel writes 127.0.0.1, for IPv4 sockets and for those of both kinds. */
  private static final Set<String> LOOPBACK =
      Set.of("0100007F", "0000000000000000FFFF00000100007F");

  private static BufferedReader reader(java.io.InputStream in) {
    return new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
  }

  @Test
  @EnabledOnOs(OS.LINUX) // its /proc says where a process listens
  void aTargetListensOnItsHostOnly() throws Exception {
    Process process = CommandRun.start("bench", "--target", "--host", "127.0.0.1");
    try (BufferedReader lines = reader(process.getInputStream())) {
      String said = lines.readLine();
      while (said != null && !said.contains(MARK)) {
        said = lines.readLine();
      }
      assertThat(said).contains(MARK + "127.0.0.1:");
      int port = Integer.parseInt(String.valueOf(said).strip().replaceFirst(".*:", ""));
      assertThat(listeners(process.pid())).hasSize(1).allMatch(BenchTargetTest::isLoopback);
      try (Socket initiator = new Socket(InetAddress.getLoopbackAddress(), port)) {
        assertThat(reader(initiator.getInputStream()).readLine()).startsWith("@ok 127.0.0.1:");
        // Those of its engine, too.
        assertThat(listeners(process.pid())).hasSize(3).allMatch(BenchTargetTest::isLoopback);
      }
    } finally {
      process.destroyForcibly();
    }
  }

  private static boolean isLoopback(String addressAndPort) {
    return LOOPBACK.contains(addressAndPort.substring(0, addressAndPort.indexOf(':')));
  }

  /** {@return where a process listens, as the kernel writes it} */
  private static Set<String> listeners(long pid) throws IOException {
    Set<String> inodes = new HashSet<>();
    try (var descriptors = Files.newDirectoryStream(Path.of("/proc/" + pid + "/fd"))) {
      for (Path descriptor : descriptors) {
        try {
          String target = Files.readSymbolicLink(descriptor).toString();
          if (target.startsWith(SOCKET)) {
            inodes.add(target.substring(SOCKET.length(), target.length() - 1));
          }
        } catch (NoSuchFileException e) {
          // Closed meanwhile.
        }
      }
    }
    Set<String> found = new HashSet<>();
    for (Path table : KernelSockets.tables()) {
      for (String line : Files.readAllLines(table)) {
        String[] columns = line.strip().split(" +", -1);
        if (columns.length > 9 && columns[3].equals("0A") && inodes.contains(columns[9])) {
          found.add(columns[1]);
        }
      }
    }
    return found;
  }

  private static CommandRun initiator(int port) throws Exception {
    return CommandRun.of("bench", "--initiator", "127.0.0.1:" + port, "--host", "127.0.0.1");
  }

  /** As a C++ engine's ports do with what is not theirs. */
  @Test
  void aPortThatClosesIsToldFromATargetThatEnds() throws Exception {
    try (ServerSocket other = new ServerSocket(0, 4, InetAddress.getLoopbackAddress())) {
      Thread closing =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      other.accept().close();
                    } catch (IOException e) {
                      // The test is over.
                    }
                  });
      CommandRun run = initiator(other.getLocalPort());
      closing.join();
      assertThat(run.status()).as("%s", run).isEqualTo(1);
      assertThat(run.error())
          .contains("127.0.0.1:" + other.getLocalPort(), "without an answer", "--target")
          .doesNotContain("above");
    }
  }

  @Test
  void anEnginesPortSaysNothingAndIsNotWaitedForLong() throws Exception {
    try (Engine engine =
        Engine.open(
            EngineConfig.builder("127.0.0.1").protocol("tcp").listenAddress("127.0.0.1").build())) {
      CommandRun run = initiator(engine.rpcPort());
      assertThat(run.status()).as("%s", run).isEqualTo(1);
      assertThat(run.error())
          .contains("127.0.0.1:" + engine.rpcPort(), "--target")
          .doesNotContain("above", "120 s");
    }
  }

  @Test
  void aSilentPortIsNotWaitedForLong() throws Exception {
    try (ServerSocket silent = new ServerSocket(0, 4, InetAddress.getLoopbackAddress())) {
      CommandRun run = initiator(silent.getLocalPort());
      assertThat(run.status()).as("%s", run).isEqualTo(1);
      assertThat(run.error()).contains("says nothing", "another initiator", "--target");
    }
  }
}
