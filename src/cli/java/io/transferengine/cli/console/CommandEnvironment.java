// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.console;

import java.io.File;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The environment of the command {@code ./te}, besides the options of the engine.
 *
 * @param colour whether a terminal may get colours: {@code NO_COLOR} is unset or empty
 *     (no-color.org)
 * @param home the folder of the project ({@code te.home}, which the script sets); empty without it
 * @param classPath the class path for a second process of the command; may be empty
 * @param javaHome the JDK that runs this process
 * @param javaVersion its version
 * @param system the operating system and its version
 * @param architecture the processor, as the JDK names it
 * @param path the folders of {@code PATH}; may be empty
 * @param localServerName {@code MC_LOCAL_SERVER_NAME}, the host by which peers reach this one
 */
public record CommandEnvironment(
    boolean colour,
    Optional<Path> home,
    String classPath,
    Path javaHome,
    String javaVersion,
    String system,
    String architecture,
    String path,
    Optional<String> localServerName) {

  /** {@return the environment of this process} */
  public static CommandEnvironment current() {
    return new CommandEnvironment(
        variable("NO_COLOR").isEmpty(),
        Optional.ofNullable(System.getProperty("te.home")).map(Path::of),
        property("java.class.path"),
        Path.of(property("java.home")),
        property("java.runtime.version"),
        property("os.name") + " " + property("os.version"),
        property("os.arch"),
        variable("PATH").orElse(""),
        variable("MC_LOCAL_SERVER_NAME"));
  }

  /**
   * {@return what to type for another command: {@code ./te doctor}, or {@code java -jar} if the
   * command runs from a jar}
   *
   * @param arguments the command and its arguments
   */
  public String toType(String arguments) {
    boolean jar =
        home.isEmpty()
            && classPath.endsWith(".jar")
            && classPath.indexOf(File.pathSeparatorChar) < 0;
    return (jar ? "java -jar " + Path.of(classPath).getFileName() : "./te") + " " + arguments;
  }

  private static String property(String name) {
    return System.getProperty(name, "");
  }

  /**
   * {@return which GPUs this process sees ({@code CUDA_VISIBLE_DEVICES}); empty if it is not set}
   */
  public static Optional<String> visibleGpus() {
    return Optional.ofNullable(System.getenv("CUDA_VISIBLE_DEVICES"));
  }

  private static Optional<String> variable(String name) {
    return Optional.ofNullable(System.getenv(name)).filter(value -> !value.isEmpty());
  }
}
