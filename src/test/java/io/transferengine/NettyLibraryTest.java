// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.contract.RdmaAloneMain;
import io.transferengine.testkit.ChildJvm;
import io.transferengine.testkit.Needs;
import io.transferengine.testkit.OpenMain;
import io.transferengine.testkit.TestAuthority;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Netty is absent, or another one than ours: whoever opens an engine is told what is needed. */
@Timeout(240)
class NettyLibraryTest {
  /** With its module-info, which only the real build has. */
  private static final String CLASSES = Path.of("target", "classes").toAbsolutePath().toString();

  private static final Predicate<String> NETTY =
      Pattern.compile("/netty-[^/]*\\.jar$").asPredicate();

  private static String open(String classPath, String protocol, String... variables)
      throws Exception {
    List<String> environment = new ArrayList<>(List.of(variables));
    // No device can be chosen by this name, should the machine have some.
    environment.add("MC_TE_FILTERS=nodevice0");
    return run(List.of("--enable-native-access=ALL-UNNAMED"), classPath, environment, protocol);
  }

  private static String run(
      List<String> options, String classPath, List<String> environment, String protocol)
      throws Exception {
    ChildJvm.Result result =
        ChildJvm.run(options, classPath, environment, OpenMain.class, protocol);
    assertThat(result.exitStatus()).as(result.output()).isZero();
    assertThat(result.output()).doesNotContain("NoClassDefFoundError", "NoSuchMethodError");
    return result.output();
  }

  @Test
  void withoutNettyTcpIsRefusedWithTheArtifactsName() throws Exception {
    String output = open(ChildJvm.classPath(NETTY.negate()), "tcp");
    assertThat(output)
        .contains("typed: NOT_IMPLEMENTED", "io.netty:netty-transport", "class path")
        .contains("WARN  TransferEngine - initialize: ");
    assertThat(output).containsPattern("status: -\\d+");
  }

  @Test
  void withoutNettyAndWithoutDevicesBothAreNamed() throws Exception {
    String output = open(ChildJvm.classPath(NETTY.negate()), "rdma");
    assertThat(output)
        .containsPattern("typed: \\w+ .*RDMA.*io\\.netty:netty-transport")
        .contains("WARN  TransferEngine - initialize: ")
        .doesNotContain("Using TCP");
    assertThat(output).containsPattern("status: -\\d+");
  }

  /** Who uses RDMA alone may leave it out. */
  @Test
  void withoutNettyRdmaMovesBytes() throws Exception {
    ChildJvm.Result result =
        ChildJvm.run(
            List.of("--enable-native-access=ALL-UNNAMED"),
            ChildJvm.classPath(NETTY.negate()),
            List.of(),
            RdmaAloneMain.class);

    assertThat(result.exitStatus()).as(result.output()).isZero();
    assertThat(result.output())
        .containsPattern("TCP: .*io\\.netty:netty-transport")
        .contains("WRITE: COMPLETED", "READ: COMPLETED", "moved: true");
  }

  @Test
  void aPartThatIsMissingIsNamed() throws Exception {
    String output = open(without("netty-resolver-"), "tcp");
    assertThat(output)
        .contains("typed: NOT_IMPLEMENTED", "io.netty:netty-resolver")
        .doesNotContain("netty-buffer");
  }

  /** Only TLS needs it. */
  @Test
  void thePartForTlsIsNamedToWhoAsksForTls() throws Exception {
    Map<String, String> identity = TestAuthority.temporary("netty").loopback("netty").variables();
    String[] variables = variables(identity, "auto");
    assertThat(open(without("netty-handler-4"), "tcp")).contains("typed: opened", "status: 0");
    assertThat(open(without("netty-handler-4"), "tcp", variables))
        .contains("typed: NOT_IMPLEMENTED", "io.netty:netty-handler")
        .doesNotContain("netty-codec-base");
  }

  /** BoringSSL is nothing that anybody needs. */
  @Test
  void withoutBoringSslTheJdkEncryptsUnlessItIsAskedFor() throws Exception {
    Map<String, String> identity = TestAuthority.temporary("netty").loopback("netty").variables();
    String[] auto = variables(identity, "auto");
    String[] asked = variables(identity, "boringssl");
    assertThat(open(without("netty-tcnative"), "tcp", auto)).contains("typed: opened");
    assertThat(open(without("netty-tcnative"), "tcp", asked))
        .contains("typed: INVALID_ARGUMENT", "TE_TLS_PROVIDER", "netty-tcnative-boringssl-static");
    assertThat(open(ChildJvm.classPath(_ -> true), "tcp", asked)).contains("typed: opened");
  }

  private static String[] variables(Map<String, String> identity, String provider) {
    Map<String, String> variables = new HashMap<>(identity);
    variables.put("TE_TLS_PROVIDER", provider);
    return variables.entrySet().stream().map(Object::toString).sorted().toArray(String[]::new);
  }

  private static String without(String jar) {
    return ChildJvm.classPath(entry -> !NETTY.test(entry) || !entry.contains(jar));
  }

  /** Only who asks for it needs it: NIO takes its place. */
  @ParameterizedTest
  @ValueSource(strings = {"epoll", "io_uring"})
  void theClassesOfAKernelInterfaceAreNamedToWhoAsksForThem(String io) throws Exception {
    String classes = "netty-transport-classes-" + io;
    assertThat(open(without(classes), "tcp")).contains("typed: opened", "status: 0");
    assertThat(open(without(classes), "tcp", "TE_TCP_IO=" + io))
        .contains("typed: NOT_IMPLEMENTED", "TE_TCP_IO asks for " + io, "io.netty:" + classes);
  }

  @ParameterizedTest
  @ValueSource(strings = {"epoll", "io_uring"})
  void theNativeCodeOfAKernelInterfaceIsNamedToWhoAsksForIt(String io) throws Exception {
    Needs.ofMachine(
        System.getProperty("os.arch", "").equals("amd64"), "Netty's code is that for x86-64");
    String code = "netty-transport-native-" + io;
    assertThat(open(without(code), "tcp", "TE_TCP_IO=" + io))
        .contains("typed: NOT_IMPLEMENTED", "io.netty:" + code, "classifier linux-x86_64");
  }

  /** On the module path it is a module that nobody has added. */
  @ParameterizedTest
  @ValueSource(strings = {"epoll", "io_uring"})
  void theModuleOfAKernelInterfaceIsNamedToWhoAsksForIt(String io) throws Exception {
    Needs.ofMachine(
        System.getProperty("os.arch", "").equals("amd64"), "Netty's code is that for x86-64");
    Predicate<String> ours = entry -> entry.equals(codeSource()) || entry.equals(CLASSES);
    String output =
        run(
            List.of(
                "--module-path",
                CLASSES + File.pathSeparator + ChildJvm.classPath(ChildJvm.MODULES),
                "--add-modules",
                "io.transferengine",
                "--enable-native-access=io.transferengine,io.netty.common"),
            ChildJvm.classPath(Predicate.not(ChildJvm.MODULES.or(ours))),
            List.of("TE_TCP_IO=" + io),
            "tcp");
    assertThat(output)
        .contains(
            "typed: NOT_IMPLEMENTED",
            "the module io.netty.transport." + io + ".linux.x86_64 was not found",
            "--add-modules io.netty.transport." + io + ".linux.x86_64");
  }

  /** As under the dependency management of Spring Boot 3.5, which asks for Netty 4.1. */
  @Test
  void anOlderNettyIsNamedWithTheOneThatIsNeeded(@TempDir Path folder) throws Exception {
    String transport =
        ChildJvm.classPath(Pattern.compile("/netty-transport-[0-9][^/]*\\.jar$").asPredicate());
    Path older = folder.resolve("netty-transport-4.1.128.Final.jar");
    writeWithout(Path.of(transport), older, "io/netty/channel/MultiThreadIoEventLoopGroup");
    String output =
        open(ChildJvm.classPath(entry -> !entry.equals(transport)) + ":" + older, "tcp");
    assertThat(output)
        .contains("typed: NOT_IMPLEMENTED", "4.1.128.Final", "4.2", "netty.version", "netty-bom");
  }

  private static String codeSource() {
    return Path.of(Engine.class.getProtectionDomain().getCodeSource().getLocation().getPath())
        .toString();
  }

  private static void writeWithout(Path jar, Path copy, String classes) throws IOException {
    try (JarFile from = new JarFile(jar.toFile());
        OutputStream file = Files.newOutputStream(copy);
        JarOutputStream to = new JarOutputStream(file)) {
      for (JarEntry entry : from.stream().toList()) {
        if (entry.getName().startsWith(classes)) {
          continue;
        }
        to.putNextEntry(new JarEntry(entry.getName()));
        byte[] bytes = from.getInputStream(entry).readAllBytes();
        if (entry.getName().equals("META-INF/MANIFEST.MF")) {
          bytes =
              new String(bytes, StandardCharsets.UTF_8)
                  .replaceAll("Implementation-Version: .*", "Implementation-Version: 4.1.128.Final")
                  .getBytes(StandardCharsets.UTF_8);
        }
        to.write(bytes);
      }
    }
  }
}
