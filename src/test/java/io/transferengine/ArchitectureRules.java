// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static com.tngtech.archunit.core.domain.JavaModifier.NATIVE;

import com.tngtech.archunit.core.domain.AccessTarget;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.classfile.constantpool.StringEntry;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What a class of this project may use, as data. {@link ArchitectureTest} applies it to the classes
 * of the build, and proves of each rule that it can fail.
 *
 * <p>Packages are named below {@code io.transferengine}; {@code ""} is the root package. A package
 * that the list does not name belongs to its nearest named parent, the root excepted.
 */
final class ArchitectureRules {
  private static final String BASE = "io.transferengine";

  /** From the bottom to the top. A package sees those of earlier lines, and no neighbour. */
  private static final List<List<String>> LAYERS =
      List.of(
          List.of("access", "logging"),
          List.of("transfer", "bindings", "metrics", "net", "os"),
          List.of("config", "events", "memory", "topology", "verbs"),
          List.of("metrics.recording"),
          List.of("wire", "metadata.spi", "tls", "device"),
          List.of("metadata"),
          List.of(
              "metadata.etcd",
              "metadata.http",
              "metadata.memory",
              "metadata.redis",
              "metadata.server",
              "exposition",
              "handshake",
              "transport"),
          List.of("transport.tcp", "transport.rdma", "transport.local"),
          List.of("engine"),
          List.of("diagnostics"),
          List.of(""),
          List.of("micrometer", "buffers"),
          List.of("netty", "arrow"),
          List.of("cli.console"),
          List.of("cli.certs", "cli.faults", "cli.target"),
          List.of("cli.bench", "cli.demo", "cli.doctor", "cli.metadata", "cli.soak", "cli.top"),
          List.of("cli"));

  /** What users of the library may see; module-info exports these. */
  static final Set<String> EXPORTED =
      Set.of(
          "",
          "access",
          "arrow",
          "buffers",
          "diagnostics",
          "events",
          "metadata.server",
          "metadata.spi",
          "metrics",
          "micrometer",
          "netty",
          "topology",
          "transfer");

  /** A rule: its reason to exist, and what a class does against it. */
  record Rule(String name, Function<JavaClass, Stream<String>> violations) {
    @Override
    public String toString() {
      return name;
    }
  }

  /** Names of classes, by prefix, that only some packages may depend on. */
  private record Confined(String name, List<String> prefixes, Set<String> packages) {}

  private static final List<Confined> CONFINED =
      List.of(
          new Confined(
              "Netty only in transport.tcp and netty; jetcd takes its TLS in Netty's terms",
              List.of("io.netty."),
              Set.of("transport.tcp", "netty", "metadata.etcd")),
          new Confined("Arrow only in arrow", List.of("org.apache.arrow."), Set.of("arrow")),
          new Confined(
              "jetcd and gRPC only in metadata.etcd",
              List.of("io.etcd.", "io.grpc.", "io.vertx.", "com.google."),
              Set.of("metadata.etcd")),
          new Confined(
              "Micrometer only in micrometer", List.of("io.micrometer."), Set.of("micrometer")),
          new Confined(
              "Jedis only in metadata.redis",
              List.of("redis.clients.", "org.apache.commons.pool2."),
              Set.of("metadata.redis")),
          new Confined(
              "Jackson only in wire, topology and cli",
              List.of("com.fasterxml.jackson."),
              Set.of("wire", "topology", "cli")),
          new Confined(
              "libraries of the command only in cli",
              List.of(
                  "picocli.",
                  "me.tongfei.progressbar.",
                  "org.HdrHistogram.",
                  "org.jline.",
                  "org.knowm.xchart.",
                  "de.erichseifert.",
                  "java.awt."),
              Set.of("cli")),
          new Confined(
              "native calls only in bindings, device, os and verbs",
              List.of(
                  "java.lang.invoke.MethodHandle!",
                  "java.lang.foreign.Linker!",
                  "java.lang.foreign.Linker$",
                  "java.lang.foreign.SymbolLookup!"),
              Set.of("bindings", "device", "os", "verbs")),
          new Confined(
              "SLF4J is the only log interface",
              List.of("java.util.logging.", "ch.qos.logback.", "java.lang.System$Logger"),
              Set.of()),
          new Confined("no internals of the JDK", List.of("sun.", "jdk.internal."), Set.of()));

  private static final Set<String> PROPERTY_READERS =
      Set.of(
          "java.lang.System.getenv",
          "java.lang.System.getProperty",
          "java.lang.System.getProperties",
          "java.lang.Boolean.getBoolean",
          "java.lang.Integer.getInteger",
          "java.lang.Long.getLong");

  private static final Set<String> TRANSPORTS = Set.of("transport.tcp", "transport.rdma");

  private static final Pattern TRANSPORT_NAMES = Pattern.compile("(?i)\\b(tcp|rdma)\\b");

  /** Who waits in one is woken no more once the JDK's own threads have met a full heap (ADR 40). */
  private static final Set<String> VIRTUAL_THREADS =
      Set.of(
          "java.lang.Thread.ofVirtual",
          "java.lang.Thread.startVirtualThread",
          "java.util.concurrent.Executors.newVirtualThreadPerTaskExecutor");

  /** In a full heap it keeps no time-out (ADR 40). */
  private static final Set<String> LATCHES = Set.of("java.util.concurrent.CountDownLatch.await");

  private static final Set<String> CONSOLE =
      Set.of(
          "java.lang.System.out",
          "java.lang.System.err",
          "java.lang.System.console",
          "java.lang.Throwable.printStackTrace");

  static final List<Rule> ALL =
      Stream.concat(
              Stream.of(
                  new Rule("packages see lower layers only", ArchitectureRules::againstArrows),
                  new Rule("the command uses exported packages only", ArchitectureRules::closed),
                  new Rule(
                      "environment and system properties only in config and cli.console",
                      type -> uses(type, PROPERTY_READERS, Set.of("config", "cli.console"))),
                  new Rule(
                      "standard output and error only in cli",
                      type -> uses(type, CONSOLE, Set.of("cli"))),
                  new Rule(
                      "no virtual threads but for futures",
                      type -> uses(type, VIRTUAL_THREADS, Set.of("engine", "cli"))),
                  new Rule("net.Event, and no latches", type -> uses(type, LATCHES, Set.of("cli"))),
                  new Rule("no cycle between files of a package", FileCycles::violations),
                  new Rule("no native methods of our own", ArchitectureRules::nativeMethods),
                  new Rule("the engine names no transport", ArchitectureRules::namedTransports)),
              CONFINED.stream().map(rule -> new Rule(rule.name(), type -> outsideOf(rule, type))))
          .toList();

  private ArchitectureRules() {}

  private static Stream<String> againstArrows(JavaClass type) {
    Optional<String> from = packageOf(type);
    if (from.isEmpty()) {
      return Stream.of(type.getName() + " is in no package of ArchitectureRules.LAYERS");
    }
    return dependencies(type, name -> name.startsWith(BASE + "."))
        .filter(target -> !mayDependOn(from.get(), target))
        .map(target -> type.getName() + " depends on " + target.getName());
  }

  /** The compiler sees to it too, as long as the command is compiled as a module. */
  private static Stream<String> closed(JavaClass type) {
    Set<String> command = Set.of("cli");
    if (!isIn(type, command)) {
      return Stream.empty();
    }
    return dependencies(type, name -> name.startsWith(BASE + "."))
        .filter(target -> !isIn(target, command) && !EXPORTED.contains(below(target)))
        .map(target -> type.getName() + " depends on " + target.getName());
  }

  /** {@return the name of its package below {@link #BASE}} */
  static String below(JavaClass type) {
    String name = type.getPackageName();
    return name.equals(BASE) ? "" : name.substring(BASE.length() + 1);
  }

  private static boolean mayDependOn(String from, JavaClass target) {
    return packageOf(target)
        .filter(to -> to.equals(from) || layerOf(to) < layerOf(from))
        .isPresent();
  }

  private static int layerOf(String name) {
    for (int layer = 0; layer < LAYERS.size(); layer++) {
      if (LAYERS.get(layer).contains(name)) {
        return layer;
      }
    }
    throw new IllegalArgumentException(name);
  }

  /** The named package that {@code type} belongs to. */
  private static Optional<String> packageOf(JavaClass type) {
    String full = type.getPackageName();
    if (full.equals(BASE)) {
      return Optional.of("");
    }
    for (String name = full.substring(BASE.length() + 1); !name.isEmpty(); name = parent(name)) {
      String candidate = name;
      if (LAYERS.stream().anyMatch(layer -> layer.contains(candidate))) {
        return Optional.of(name);
      }
    }
    return Optional.empty();
  }

  private static String parent(String name) {
    return name.substring(0, Math.max(0, name.lastIndexOf('.')));
  }

  private static boolean isIn(JavaClass type, Set<String> packages) {
    String name = type.getPackageName();
    return packages.stream()
        .map(allowed -> BASE + "." + allowed)
        .anyMatch(allowed -> name.equals(allowed) || name.startsWith(allowed + "."));
  }

  private static Stream<JavaClass> dependencies(JavaClass type, Predicate<String> name) {
    return type.getDirectDependenciesFromSelf().stream()
        .map(dependency -> dependency.getTargetClass().getBaseComponentType())
        .filter(target -> name.test(target.getName()))
        .distinct();
  }

  /** A prefix that ends in {@code !} is a whole name. */
  private static boolean matches(String name, String prefix) {
    return prefix.endsWith("!") ? prefix.equals(name + "!") : name.startsWith(prefix);
  }

  private static Stream<String> outsideOf(Confined rule, JavaClass type) {
    if (isIn(type, rule.packages())) {
      return Stream.empty();
    }
    return dependencies(
            type, name -> rule.prefixes().stream().anyMatch(prefix -> matches(name, prefix)))
        .map(target -> type.getName() + " depends on " + target.getName());
  }

  private static Stream<String> uses(JavaClass type, Set<String> members, Set<String> packages) {
    if (isIn(type, packages)) {
      return Stream.empty();
    }
    return Stream.<JavaAccess<?>>concat(
            type.getAccessesFromSelf().stream(), type.getMethodReferencesFromSelf().stream())
        .filter(access -> members.contains(nameOf(access.getTarget())))
        .map(JavaAccess::getDescription)
        .distinct();
  }

  private static String nameOf(AccessTarget member) {
    return member.getOwner().getName() + "." + member.getName();
  }

  /** Transports are found as providers, and spoken of by the names that these have. */
  private static Stream<String> namedTransports(JavaClass type) {
    if (!isIn(type, Set.of("engine"))) {
      return Stream.empty();
    }
    Stream<String> classes =
        dependencies(type, name -> name.startsWith(BASE + ".transport."))
            .filter(target -> isIn(target, TRANSPORTS))
            .map(target -> type.getName() + " depends on " + target.getName());
    Stream<String> texts =
        texts(type)
            .filter(text -> TRANSPORT_NAMES.matcher(text).find())
            .map(text -> type.getName() + " says \"" + text + '"');
    return Stream.concat(classes, texts);
  }

  /** The strings in a class, those that are put together included. */
  private static Stream<String> texts(JavaClass type) {
    List<String> found = new ArrayList<>();
    try {
      ClassModel model = ClassFile.of().parse(Path.of(type.getSource().orElseThrow().getUri()));
      for (PoolEntry entry : model.constantPool()) {
        if (entry instanceof StringEntry text) {
          found.add(text.stringValue());
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return found.stream();
  }

  private static Stream<String> nativeMethods(JavaClass type) {
    return type.getMethods().stream()
        .filter(method -> method.getModifiers().contains(NATIVE))
        .map(method -> method.getFullName() + " is native");
  }
}
