// SPDX-License-Identifier: Apache-2.0
package example.jlama;

import java.io.BufferedReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * How the process that was started and its nodes speak: arguments, and one line for each answer. In
 * a real service, this is the router's protocol.
 */
final class Orders {
  private static final String ANSWER = "answer";

  private Orders() {}

  /** A node of ours. */
  record Node(String name, Process process, BufferedReader output) implements AutoCloseable {
    static Node start(String name, Class<?> main, List<String> arguments) throws IOException {
      List<String> command = new ArrayList<>();
      command.add(ProcessHandle.current().info().command().orElse("java"));
      command.addAll(java.lang.management.ManagementFactory.getRuntimeMXBean().getInputArguments());
      command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
      command.addAll(arguments);
      Process process =
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
      return new Node(name, process, process.inputReader());
    }

    /** Waits for the next answer, and takes it apart. */
    List<String> answer() throws IOException {
      String line;
      while ((line = output.readLine()) != null) {
        List<String> words = Arrays.asList(line.split(" "));
        if (words.getFirst().equals(ANSWER)) {
          return words.subList(1, words.size());
        }
        System.out.println(line);
      }
      throw new IOException("the node for " + name + " ended without an answer; see above");
    }

    @Override
    public void close() {
      process.destroyForcibly();
    }
  }

  static void answer(Object... words) {
    System.out.println(
        ANSWER + " " + Arrays.stream(words).map(Object::toString).collect(Collectors.joining(" ")));
  }

  static String join(List<Integer> tokens) {
    return tokens.stream().map(Object::toString).collect(Collectors.joining(","));
  }

  static List<Integer> split(String tokens) {
    return Arrays.stream(tokens.split(",")).map(Integer::valueOf).toList();
  }

  /** A node must not outlive who started it, whatever ended that. Standard input ends then. */
  static void endWithParent() {
    Thread.ofPlatform()
        .daemon()
        .name("parent")
        .start(
            () -> {
              try {
                System.in.transferTo(java.io.OutputStream.nullOutputStream());
              } catch (IOException e) {
                System.err.println("standard input: " + e);
              }
              Runtime.getRuntime().halt(1);
            });
  }
}
