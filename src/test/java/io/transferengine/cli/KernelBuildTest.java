// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.transferengine.testkit.Needs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The build of the guest's kernel, with tools that do nothing: it ends with what started it. */
@Timeout(180)
class KernelBuildTest {
  private static final Path HOME = Path.of("").toAbsolutePath();
  private static final Path GUEST = HOME.resolve("src/test/soft-roce/guest");
  private static final Duration LONG = Duration.ofSeconds(60);

  private final List<Process> started = new ArrayList<>();

  @TempDir Path folder;

  @BeforeEach
  void makeTools() throws IOException {
    Needs.that(
        Files.exists(Path.of("/usr/bin/setpriv")) && System.getProperty("os.arch").equals("amd64"),
        "the guest needs Linux on x86-64 with util-linux");
    Files.createDirectories(folder.resolve("bin"));
    Files.createDirectories(folder.resolve("cache"));
    for (String tool : List.of("gcc", "flex", "bison", "bc", "xz", "rdma", "tc", "ibv_devices")) {
      tool(tool, "exit 0");
    }
    tool("mvn", "exit 0");
    tool("apt-cache", "echo '  Candidate: 6.12.1'");
    tool("apt-get", "touch source.deb");
    tool("dpkg-deb", "exit 0");
    tool(
        "tar",
        """
        cat >/dev/null
        case "$*" in
          *-xJ*)
            mkdir -p linux-source-6.12/arch/x86/um
            echo 'DEFINE_LONGS(HOST_FP_SIZE, 2696);' >linux-source-6.12/arch/x86/um/user-offsets.c
            ;;
        esac\
        """);
    // Configures at once, and compiles for as long as it is let.
    tool(
        "make",
        """
        case "$*" in
          *allnoconfig) for a in "$@"; do case $a in KCONFIG_ALLCONFIG=*) cp "${a#*=}" .config ;; esac; done ;;
          *) touch first.o; echo $$ >"$TOOLS/pid.new"; mv "$TOOLS/pid.new" "$TOOLS/pid"; exec sleep 600 ;;
        esac\
        """);
  }

  private void tool(String name, String script) throws IOException {
    Path file = folder.resolve("bin").resolve(name);
    Files.writeString(file, "#!/bin/bash\n" + script + "\n");
    assertThat(file.toFile().setExecutable(true)).isTrue();
  }

  @AfterEach
  void endAll() throws Exception {
    for (Process process : started) {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
    Path pid = folder.resolve("pid");
    if (Files.exists(pid)) {
      ProcessHandle.of(Long.parseLong(Files.readString(pid).strip()))
          .ifPresent(ProcessHandle::destroyForcibly);
    }
  }

  private Process start(String... command) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.redirectOutput(folder.resolve("log").toFile());
    builder.environment().put("PATH", folder.resolve("bin") + ":" + System.getenv("PATH"));
    builder.environment().put("TOOLS", folder.toString());
    builder.environment().put("TE_GUEST_CACHE", folder.resolve("cache").toString());
    builder.environment().put("TE_GUEST_PROGRESS_SECONDS", "1");
    builder.environment().put("TE_NO_INSTALL", "1");
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    builder.environment().put("TE_LOCKED", HOME.toRealPath().toString());
    builder.environment().remove("TE_GUEST_KERNEL");
    Process process = builder.start();
    started.add(process);
    process.getOutputStream().close();
    return process;
  }

  private String log() throws IOException {
    return Files.readString(folder.resolve("log"));
  }

  private ProcessHandle compiler(Process ours) {
    Path pid = folder.resolve("pid");
    await().atMost(LONG).until(() -> Files.exists(pid) || !ours.isAlive());
    try {
      assertThat(pid).as(log()).exists();
      return ProcessHandle.of(Long.parseLong(Files.readString(pid).strip())).orElseThrow();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private void assertAllEnds(Process process, ProcessHandle compiler) throws Exception {
    assertThat(process.waitFor(LONG.toSeconds(), TimeUnit.SECONDS)).as(log()).isTrue();
    assertThat(process.exitValue()).isEqualTo(143);
    await().atMost(LONG).until(() -> !compiler.isAlive());
    // Whoever comes next gets the lock, as soon as the last of the processes has ended.
    String seconds = Long.toString(LONG.toSeconds());
    Process lock = start("flock", "-w", seconds, folder.resolve("cache/lock").toString(), "true");
    assertThat(lock.waitFor()).isZero();
    await()
        .atMost(LONG)
        .untilAsserted(
            () -> assertThat(folder.resolve("cache")).isDirectoryNotContaining("glob:**/build.*"));
  }

  @Test
  void aSignalToTheGuestsScriptEndsIt() throws Exception {
    Process process = start(GUEST.toString(), "--prepare");
    ProcessHandle compiler = compiler(process);
    process.destroy();
    assertAllEnds(process, compiler);
  }

  @Test
  void aSignalToTheTestRunEndsIt() throws Exception {
    Needs.that(
        !Files.exists(Path.of("/sys/class/infiniband"))
            || !Files.exists(Path.of("/dev/infiniband")),
        "with RDMA devices no kernel is built");
    Process process = start(HOME.resolve("te").toString(), "test", "--rdma");
    ProcessHandle compiler = compiler(process);
    process.destroy();
    assertAllEnds(process, compiler);
  }

  @Test
  void itSaysHowFarItIs() throws Exception {
    Process process = start(GUEST.toString(), "--prepare");
    compiler(process);
    await()
        .atMost(LONG)
        .untilAsserted(
            () -> assertThat(log()).containsPattern("compiling, 1 files compiled, \\d+ s so far"));
    assertThat(process.isAlive()).isTrue();
  }
}
