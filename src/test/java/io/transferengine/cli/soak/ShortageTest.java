// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.os.OwnUser;
import io.transferengine.testkit.ChildJvm;
import io.transferengine.testkit.Needs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the rig takes from processes depends on what the machine and its rights allow. */
@Timeout(120)
class ShortageTest {
  private static final List<String> AS_IT_IS = List.of();

  /** Linux numbers processes below that. */
  private static final int NO_PROCESS = 1 << 22;

  private static final Path TOOLS = Path.of("/usr/bin");

  @TempDir Path path;

  @BeforeEach
  void requireTools() {
    for (String tool : List.of("cat", "prlimit", "setpriv")) {
      Needs.that(Files.isExecutable(TOOLS.resolve(tool)), "install util-linux for " + tool);
    }
  }

  /** Says what can be taken, and how a process is started. */
  static final class Main {
    private Main() {}

    public static void main(String[] arguments) {
      System.out.printf(
          "descriptors=%s threads=%s %s%n",
          Shortage.canTake(Shortage.Resource.DESCRIPTORS),
          Shortage.canTake(Shortage.Resource.THREADS),
          Shortage.limitable(List.of("true")));
    }
  }

  private static String said(List<String> launcher, String... environment) throws Exception {
    return ChildJvm.run(
            launcher, List.of(), ChildJvm.classPath(_ -> true), List.of(environment), Main.class)
        .output()
        .strip();
  }

  private static List<String> without(String capability) {
    return List.of("setpriv", "--bounding-set=-" + capability, "--inh-caps=-" + capability);
  }

  /** As in a container: its root cannot see the descriptors of another user's process. */
  @Test
  void aRootThatMayNotSeeOrEndProcessesOfOthersStartsNone() throws Exception {
    requireRoot();
    for (String capability : List.of("sys_ptrace", "kill", "setuid", "dac_override")) {
      assertThat(said(without(capability)))
          .as(capability)
          .isEqualTo("descriptors=true threads=false [true]");
    }
  }

  @Test
  void anotherUserThanRootStartsProcessesAsItself() throws Exception {
    requireRoot();
    // It reads our class path by that capability.
    assertThat(
            said(
                List.of(
                    "setpriv",
                    "--reuid=65534",
                    "--clear-groups",
                    "--inh-caps=+dac_override",
                    "--ambient-caps=+dac_override")))
        .isEqualTo("descriptors=true threads=true [true]");
  }

  @Test
  void withoutItsCommandNothingIsTaken() throws Exception {
    Path _ = Files.createSymbolicLink(path.resolve("cat"), TOOLS.resolve("cat"));
    assertThat(said(AS_IT_IS, "PATH=" + path)).isEqualTo("descriptors=false threads=false [true]");
    Path _ = Files.createSymbolicLink(path.resolve("prlimit"), TOOLS.resolve("prlimit"));
    assertThat(said(AS_IT_IS, "PATH=" + path))
        .startsWith("descriptors=true threads=" + !isRoot())
        .endsWith("[true]");
  }

  private static void requireRoot() throws Exception {
    Needs.ofMachine(isRoot(), "only root can give up rights for a try");
  }

  private static boolean isRoot() throws Exception {
    return Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0);
  }

  @Test
  void whatEndedProcessesHaveLeftIsRemoved() throws Exception {
    Path ended = Files.createFile(path.resolve(NO_PROCESS + "-1.counters"));
    Path running = Files.createFile(path.resolve(ProcessHandle.current().pid() + "-1.counters"));
    Path other = Files.createFile(path.resolve(NO_PROCESS + "-1.else"));
    Shortage.clear(path, OwnUser.id());
    assertThat(ended).doesNotExist();
    assertThat(running).exists();
    assertThat(other).exists();
    Shortage.clear(path.resolve("missing"), OwnUser.id());
  }

  /** A folder in a place that everybody can write to may be anybody's, or a link to another. */
  @Test
  void nothingIsRemovedThroughALinkOrForAnotherUser() throws Exception {
    Path folder = Files.createDirectory(path.resolve("folder"));
    Path file = Files.createFile(folder.resolve(NO_PROCESS + "-1.counters"));
    Shortage.clear(Files.createSymbolicLink(path.resolve("link"), folder), OwnUser.id());
    Shortage.clear(folder, OwnUser.id() + 1);
    assertThat(file).exists();
  }
}
