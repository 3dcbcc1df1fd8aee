// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.ChildJvm;
import io.transferengine.testkit.LibraryMain;
import io.transferengine.testkit.services.EtcdService;
import io.transferengine.testkit.services.RedisService;
import io.transferengine.testkit.services.TestService;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The optional libraries: absent, and on the class path beside us as a module. */
@Timeout(120)
class MetadataLibrariesTest {
  private static final Predicate<String> OPTIONAL =
      Pattern.compile("/(jetcd|jedis)-[^/]*\\.jar$").asPredicate();

  /** With its module-info, which only the real build has. */
  private static final String CLASSES = Path.of("target", "classes").toAbsolutePath().toString();

  private static List<String> classPath() {
    String all =
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    return Arrays.asList(all.split(File.pathSeparator, -1));
  }

  private static String path(Predicate<String> which) {
    return classPath().stream().filter(which).collect(Collectors.joining(File.pathSeparator));
  }

  private static String run(List<String> options, String... servers) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx256m", "-XX:TieredStopAtLevel=1"));
    command.addAll(options);
    command.add(LibraryMain.class.getName());
    command.addAll(List.of(servers));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    try {
      String output = text(process);
      assertThat(process.waitFor()).isZero();
      return output;
    } finally {
      process.destroyForcibly();
    }
  }

  private static String text(Process process) throws IOException {
    return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }

  @Test
  void withoutItsLibraryAServiceIsRefusedWithTheArtifactsName() throws Exception {
    String output =
        run(
            List.of("-cp", path(OPTIONAL.negate())),
            "etcd://127.0.0.1:1",
            "127.0.0.1:1",
            "redis://127.0.0.1:1",
            "memory://libraries");
    assertThat(output.lines().skip(1))
        .satisfiesExactly(
            etcd -> assertThat(etcd).contains("io.etcd:jetcd-core", "is not on the class path"),
            etcd -> assertThat(etcd).contains("io.etcd:jetcd-core", "is not on the class path"),
            redis -> assertThat(redis).contains("redis.clients:jedis", "is not on the class path"),
            memory -> assertThat(memory).isEqualTo("found library-test"));
  }

  @Test
  void asAModuleWeUseTheLibrariesOnTheClassPath() throws Exception {
    Predicate<String> module = entry -> entry.equals(CLASSES) || ChildJvm.MODULES.test(entry);
    try (TestService etcd = EtcdService.single();
        TestService redis = RedisService.plain()) {
      String output =
          run(
              List.of(
                  "--module-path",
                  CLASSES + File.pathSeparator + path(ChildJvm.MODULES),
                  "--add-modules",
                  "io.transferengine",
                  "-cp",
                  path(module.negate())),
              etcd.connectionString(),
              redis.connectionString());
      assertThat(output.lines())
          .containsExactly("module io.transferengine", "found library-test", "found library-test");
    }
  }
}
