// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaPackage;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import io.transferengine.ArchitectureRules.Rule;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.lang.module.ModuleDescriptor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Holds the layout of the project: who may use what, and the form of the files. */
class ArchitectureTest {
  private static final Path CLASSES = Path.of("target/classes");

  /** Those of the command. */
  private static final Path COMMAND_CLASSES = Path.of("target/cli-classes");

  private static final String LICENSE_LINE = "SPDX-License-Identifier: Apache-2.0";

  /** Longer files have more than one job. */
  private static final int SOURCE_LINES_LIMIT = 600;

  private static JavaClasses classes;

  @BeforeAll
  static void importClasses() {
    for (Path folder : List.of(CLASSES, COMMAND_CLASSES)) {
      assertThat(new ClassFileImporter().importPath(folder)).as("%s", folder).isNotEmpty();
    }
    classes = new ClassFileImporter().importPaths(CLASSES, COMMAND_CLASSES);
  }

  static List<Rule> rules() {
    return ArchitectureRules.ALL;
  }

  @ParameterizedTest
  @MethodSource("rules")
  void everyClassKeepsTheRule(Rule rule) {
    assertThat(violations(rule, classes)).isEmpty();
  }

  /** Offences, by the rule that they break: a class name, then the class. */
  private static final Map<String, List<String>> OFFENCES =
      Map.ofEntries(
          Map.entry(
              "packages see lower layers only",
              List.of(
                  "transfer.A", "interface A { io.transferengine.config.Neighbour a(); }",
                  "memory.A", "interface A { io.transferengine.config.Neighbour a(); }",
                  "device.A", "interface A { io.transferengine.transport.Neighbour a(); }",
                  "metadata.server.A", "class A { io.transferengine.transport.Neighbour[] a; }",
                  "engine.A", "class A { Object a = io.transferengine.Neighbour.class; }",
                  "metrics.recording.A", "class A { io.transferengine.transport.Neighbour a; }",
                  "exposition.A", "class A { io.transferengine.transport.Neighbour a; }",
                  "cli.demo.A", "class A { io.transferengine.cli.doctor.Neighbour a; }",
                  "unheardof.A", "class A {}")),
          Map.entry(
              "the command uses exported packages only",
              List.of(
                  "cli.A", "class A { io.transferengine.config.Neighbour a; }",
                  "cli.demo.B",
                      "class B { Object b = io.transferengine.transport.Neighbour.class; }")),
          Map.entry(
              "environment and system properties only in config and cli.console",
              List.of(
                  "engine.A", "class A { String a = System.getenv(\"A\"); }",
                  "engine.B", "class B { String a = System.getProperty(\"A\"); }",
                  "cli.A", "class A { Object a = System.getProperties(); }",
                  "cli.B",
                      "class B { java.util.function.Predicate<String> a = Boolean::getBoolean; }",
                  "memory.A", "class A { Integer a = Integer.getInteger(\"A\"); }")),
          Map.entry(
              "standard output and error only in cli",
              List.of(
                  "engine.A", "class A { { System.out.println(); } }",
                  "engine.B", "class B { { new Throwable().printStackTrace(); } }")),
          Map.entry(
              "no virtual threads but for futures",
              List.of(
                  "net.A", "class A { Object a = Thread.ofVirtual(); }",
                  "handshake.B", "class B { Thread b = Thread.startVirtualThread(() -> {}); }")),
          Map.entry(
              "net.Event, and no latches",
              List.of(
                  "engine.A",
                  """
                  class A {
                    void a(java.util.concurrent.CountDownLatch b) throws InterruptedException {
                      b.await();
                    }
                  }
                  """)),
          Map.entry(
              "no cycle between files of a package",
              List.of(
                  "engine.A", "class A { B b; }",
                  "engine.B", "class B { A a; }",
                  "verbs.A", "class A { static class C { Object b = (Runnable) B::b; } }",
                  "verbs.B", "class B { static void b() {} interface D { void c(A.C c); } }",
                  "metrics.A", "class A { static final String NAME = \"a\" + B.NAME; }",
                  "metrics.B", "class B { static final String NAME = \"b\"; java.util.List<A> a; }",
                  "transport.rdma.A", "class A implements B.Listener {}",
                  "transport.rdma.B", "class B { interface Listener {} C[] c; }",
                  "transport.rdma.C", "class C { void a() { new A(); } }")),
          Map.entry(
              "no native methods of our own", List.of("verbs.A", "class A { native void a(); }")),
          Map.entry(
              "jetcd and gRPC only in metadata.etcd",
              List.of(
                  "engine.A", "class A { io.etcd.jetcd.Client a; }",
                  "metadata.A", "class A { io.grpc.Status a; }")),
          Map.entry(
              "Micrometer only in micrometer",
              List.of("engine.A", "class A { io.micrometer.core.instrument.Timer a; }")),
          Map.entry(
              "Jedis only in metadata.redis",
              List.of("metadata.etcd.A", "class A { redis.clients.jedis.Jedis a; }")),
          Map.entry(
              "Arrow only in arrow",
              List.of("netty.A", "class A { org.apache.arrow.memory.ArrowBuf a; }")),
          Map.entry(
              "Netty only in transport.tcp and netty; jetcd takes its TLS in Netty's terms",
              List.of(
                  "transport.A", "class A { io.netty.buffer.ByteBuf a; }",
                  "buffers.A", "class A { io.netty.buffer.ByteBuf a; }",
                  "transport.rdma.A",
                      "class A { { new io.netty.util.ResourceLeakException(); } }")),
          Map.entry(
              "Jackson only in wire, topology and cli",
              List.of("handshake.A", "class A { com.fasterxml.jackson.core.JsonFactory a; }")),
          Map.entry(
              "libraries of the command only in cli",
              List.of(
                  "engine.A", "class A { picocli.CommandLine a; }",
                  "metrics.A", "class A { org.HdrHistogram.Histogram a; }",
                  "engine.B", "class B { me.tongfei.progressbar.ProgressBar a; }",
                  "topology.A", "class A { java.awt.Color a; }")),
          Map.entry(
              "native calls only in bindings, device, os and verbs",
              List.of(
                  "memory.A", "class A { java.lang.invoke.MethodHandle a; }",
                  "memory.B", "class B { Object a = java.lang.foreign.Linker.nativeLinker(); }",
                  "transport.tcp.A", "class A { java.lang.foreign.SymbolLookup a; }")),
          Map.entry(
              "the engine names no transport",
              List.of(
                  "engine.A", "class A { io.transferengine.transport.rdma.Neighbour a; }",
                  "engine.B", "class B { boolean b(String name) { return name.equals(\"tcp\"); } }",
                  "engine.C", "class C { String c(int n) { return n + \" go over TCP\"; } }")),
          Map.entry(
              "SLF4J is the only log interface",
              List.of("engine.A", "class A { java.util.logging.Logger a; }")),
          Map.entry(
              "no internals of the JDK", List.of("memory.A", "class A { sun.misc.Unsafe a; }")));

  /** What keeps the rules, although it comes near: no rule may name it. */
  private static final List<String> INNOCENTS =
      List.of(
          "engine.A",
              "class A { io.transferengine.transport.Neighbour a; String b = \"MC_TCP_PROTO\"; }",
          "transport.rdma.A", "class A { String a = \"rdma\"; }",
          "transport.tcp.A", "record A(io.netty.buffer.ByteBuf a, String b) {}",
          "wire.A", "class A { com.fasterxml.jackson.core.JsonFactory a; }",
          "config.A", "class A { String a = System.getenv(\"A\"); }",
          "cli.console.A", "class A { String a = System.getenv(\"A\"); }",
          "cli.A", "class A { io.transferengine.cli.doctor.Neighbour a; }",
          "verbs.A", "class A { java.lang.invoke.MethodHandle a; java.lang.foreign.Linker b; }",
          "cli.B", "class B extends io.transferengine.Neighbour { { System.out.println(); } }",
          "engine.A", "class A { class B { A a; } interface Listener { void c(A a); } }",
          "engine.C", "class C implements A.Listener { public void c(A a) {} }",
          "engine.D", "sealed interface D permits E, F { static D d() { return new E(); } }",
          "engine.E", "record E() implements D { F f() { return new F(); } }",
          "engine.F", "record F() implements D {}",
          "memory.A",
              """
              record A(java.lang.foreign.MemorySegment a, Runnable b) {
                static final java.lang.invoke.VarHandle V =
                    java.lang.invoke.MethodHandles.arrayElementVarHandle(long[].class);
                String c() {
                  return "" + a + (Runnable) () -> a.fill((byte) 0);
                }
              }
              """);

  @Test
  void everyRuleHasAnOffence() {
    assertThat(OFFENCES.keySet())
        .containsExactlyInAnyOrderElementsOf(rules().stream().map(Rule::name).toList());
  }

  @ParameterizedTest
  @MethodSource("rules")
  void everyRuleCanFail(Rule rule, @TempDir Path directory) throws IOException {
    List<String> sources = OFFENCES.getOrDefault(rule.name(), List.of());
    JavaClasses offenders = compile(directory, sources);
    for (int i = 0; i < sources.size(); i += 2) {
      String name = "io.transferengine." + sources.get(i);
      assertThat(rule.violations().apply(offenders.get(name))).as(name).isNotEmpty();
    }
  }

  @Test
  void noRuleNamesTheInnocent(@TempDir Path directory) throws IOException {
    JavaClasses innocents = compile(directory, INNOCENTS);
    assertThat(rules()).allSatisfy(rule -> assertThat(violations(rule, innocents)).isEmpty());
  }

  @Test
  void noFileIsInACycleWithOthersOfItsPackage() {
    Map<String, Integer> counts = FileCycles.counts(Set.copyOf(classes));
    System.out.println("Files in cycles, by package: " + counts);
    assertThat(counts)
        .containsKeys("transport", "transport.rdma", "transport.tcp", "verbs", "engine")
        .allSatisfy((name, inCycles) -> assertThat(inCycles).as(name).isZero());
  }

  /** Its package-info has a picture: each file may know those of lines above it. */
  @ParameterizedTest
  @ValueSource(
      strings = {"transport.rdma.RdmaTransportProvider", "transport.tcp.TcpTransportProvider"})
  void thePictureOfATransportIsTrue(String provider) {
    JavaPackage pictured = classes.get("io.transferengine." + provider).getPackage();
    String folder = "src/main/java/" + pictured.getName().replace('.', '/') + "/";
    List<String> text = lines(Path.of(folder + "package-info.java"));
    List<String> picture =
        text.subList(text.indexOf(" * <pre>") + 1, text.indexOf(" * </pre>")).stream()
            .map(line -> line.substring(" * ".length()).split(" {3}", 2)[0])
            .toList();
    Map<String, Integer> places = new HashMap<>();
    for (int i = 0; i < picture.size(); i++) {
      for (String name : picture.get(i).split(" +", -1)) {
        assertThat(places.put(name + ".java", i)).as(name).isNull();
      }
    }
    Map<String, Set<String>> needs = new HashMap<>(FileCycles.needs(pictured));
    // A compiler may make a class of it, and need not.
    needs.remove("package-info.java");
    assertThat(places.keySet()).containsExactlyInAnyOrderElementsOf(needs.keySet());
    needs.forEach(
        (file, needed) ->
            assertThat(needed)
                .as(file)
                .allSatisfy(
                    other ->
                        assertThat(other.equals(file) ? -1 : places.getOrDefault(other, 0))
                            .isLessThan(places.get(file))));
  }

  @Test
  void everySourceNamesItsLicense() {
    assertThat(
            sources(
                "src/main/java",
                "src/main/generated",
                "src/main/jshell",
                "src/cli",
                "src/test",
                "src/jmh",
                "examples"))
        .isNotEmpty()
        .allSatisfy(source -> assertThat(lines(source).getFirst()).isEqualTo("// " + LICENSE_LINE));
    for (String script :
        List.of(
            "te",
            ".ci/run",
            "examples/run",
            "src/test/consumer/run",
            "src/test/release/reproducible",
            "src/test/gpu/bundle",
            "src/test/gpu/run",
            "src/test/soft-roce/guest",
            "src/test/soft-roce/init")) {
      assertThat(lines(Path.of(script)).get(1)).isEqualTo("# " + LICENSE_LINE);
    }
  }

  @Test
  void noSourceIsTooLong() {
    assertThat(sources("src/main/java", "src/cli", "src/test", "src/jmh", "examples"))
        .allSatisfy(
            source -> assertThat(lines(source)).hasSizeLessThanOrEqualTo(SOURCE_LINES_LIMIT));
  }

  /** What is exported is a promise; a change has to be meant. */
  @Test
  void exportedIsWhatTheRulesSay() throws IOException {
    assertThat(descriptor().exports())
        .extracting(ModuleDescriptor.Exports::source)
        .containsExactlyInAnyOrderElementsOf(
            ArchitectureRules.EXPORTED.stream()
                .map(name -> "io.transferengine" + (name.isEmpty() ? "" : ".") + name)
                .toList());
  }

  private static ModuleDescriptor descriptor() throws IOException {
    try (InputStream in = Files.newInputStream(CLASSES.resolve("module-info.class"))) {
      return ModuleDescriptor.read(in);
    }
  }

  /** On the class path the files count, on the module path the descriptor does. */
  @Test
  void servicesAreTheSameOnBothPaths() throws IOException {
    Map<String, Set<String>> provided =
        descriptor().provides().stream()
            .collect(
                toMap(
                    ModuleDescriptor.Provides::service,
                    service -> new TreeSet<>(service.providers())));
    Map<String, Set<String>> listed = new HashMap<>();
    for (Path file : files(CLASSES.resolve("META-INF/services"))) {
      Set<String> providers = new TreeSet<>();
      lines(file).stream()
          .map(line -> line.replaceFirst("#.*", "").strip())
          .filter(line -> !line.isEmpty())
          .forEach(providers::add);
      listed.put(String.valueOf(file.getFileName()), providers);
    }
    assertThat(listed).isEqualTo(provided);
  }

  private static List<String> violations(Rule rule, JavaClasses types) {
    return types.stream().flatMap(rule.violations()).sorted().toList();
  }

  /** Compiles pairs of a class name and a class, with something to depend on in some packages. */
  private static JavaClasses compile(Path directory, List<String> namesAndTypes)
      throws IOException {
    Path out = Files.createDirectories(directory.resolve("out"));
    List<String> arguments =
        new ArrayList<>(
            List.of("-proc:none", "-nowarn", "-cp", System.getProperty("java.class.path")));
    arguments.addAll(List.of("-d", out.toString()));
    for (String neighbour :
        List.of("", ".config", ".transport", ".transport.rdma", ".cli.doctor")) {
      arguments.add(
          write(
              directory,
              "io.transferengine" + neighbour,
              "Neighbour",
              "public class Neighbour {}"));
    }
    for (int i = 0; i < namesAndTypes.size(); i += 2) {
      String name = "io.transferengine." + namesAndTypes.get(i);
      int dot = name.lastIndexOf('.');
      arguments.add(
          write(
              directory,
              name.substring(0, dot),
              name.substring(dot + 1),
              namesAndTypes.get(i + 1)));
    }
    StringWriter text = new StringWriter();
    PrintWriter printer = new PrintWriter(text);
    int status =
        ToolProvider.findFirst("javac")
            .orElseThrow()
            .run(printer, printer, arguments.toArray(String[]::new));
    assertThat(status).as("javac: %s", text).isZero();
    return new ClassFileImporter().importPath(out);
  }

  private static String write(Path directory, String packageName, String name, String type)
      throws IOException {
    Path file = directory.resolve(packageName.replace('.', '/')).resolve(name + ".java");
    Files.createDirectories(file.getParent());
    return Files.writeString(file, "package " + packageName + ";\n" + type).toString();
  }

  private static List<Path> sources(String... roots) {
    return Stream.of(roots)
        .flatMap(root -> files(Path.of(root)).stream())
        .filter(file -> file.toString().matches(".*\\.(java|jsh)"))
        .toList();
  }

  private static List<Path> files(Path root) {
    if (!Files.isDirectory(root)) {
      return List.of();
    }
    try (Stream<Path> files = Files.walk(root)) {
      return files.filter(Files::isRegularFile).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (IOException e) {
      throw new UncheckedIOException(file.toString(), e);
    }
  }
}
