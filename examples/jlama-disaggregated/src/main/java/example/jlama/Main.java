// SPDX-License-Identifier: Apache-2.0
package example.jlama;

import com.github.tjake.jlama.tensor.KvBufferCache.KvBuffer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * One process fills the KV cache of a prompt, another one continues the text; and the tokens are
 * those of a single process.
 */
final class Main {
  private static final String USAGE =
      """
      Usage: ./te example jlama [OPTION...]

        --model DIR        a folder with config.json, tokenizer.json and safetensors that Jlama
                           reads; default: a small Llama with random weights, made for the run
        --prompt TEXT      default: babble, or a sentence for --model
        --prompt-tokens N  about so many, 8 to 1800, without --prompt; default 288
        --tokens N         how many to generate, 2 or more; default 24
        --cache MIB        keep keys and values in the cache of ./te example kv-cache, with so many
                           MiB, and decode once more from there; default 0: without
        --seed N           of weights and prompt; default 7

      Exit status: 0 the tokens are those of a single process, 1 they are not, 2 usage.
      """;

  private static final String SENTENCE =
      "A library moves the bytes of a cache from one machine to another. What it has moved is ";

  private String prompt = "";
  private String model = "";
  private int promptTokens = 288;
  private int tokens = 24;
  private int cacheMib;
  private long seed = 7;

  private Main() {}

  public static void main(String[] args) throws IOException {
    Main options = new Main();
    try {
      if (List.of(args).contains("--help")) {
        System.out.print(USAGE);
        return;
      }
      options.read(args);
    } catch (IllegalArgumentException e) {
      System.err.println(e.getMessage() + " (--help lists the options)");
      System.exit(2);
    }
    System.exit(options.run() ? 0 : 1);
  }

  private void read(String[] args) {
    for (int i = 0; i < args.length; i += 2) {
      if (i + 1 == args.length) {
        throw new IllegalArgumentException("no value for " + args[i]);
      }
      String value = args[i + 1];
      switch (args[i]) {
        case "--model" -> model = ModelFolder.require(value).toString();
        case "--prompt" -> prompt = value;
        case "--prompt-tokens" -> promptTokens = number(value, 8, 1800);
        case "--tokens" -> tokens = number(value, 2, 100_000);
        case "--cache" -> cacheMib = number(value, 0, 1 << 20);
        case "--seed" -> seed = Long.parseLong(value);
        default -> throw new IllegalArgumentException("unknown option: " + args[i]);
      }
    }
    if (prompt.isEmpty()) {
      prompt = model.isEmpty() ? TinyLlama.prompt(promptTokens, seed) : SENTENCE;
    }
  }

  private static int number(String value, int least, int most) {
    try {
      int number = Integer.parseInt(value);
      if (number >= least && number <= most) {
        return number;
      }
    } catch (NumberFormatException e) {
      // Neither.
    }
    throw new IllegalArgumentException(value + " is not a number from " + least + " to " + most);
  }

  private boolean run() throws IOException {
    if (!model.isEmpty()) {
      return compare(Path.of(model));
    }
    Path folder = Files.createTempDirectory("tiny-llama");
    // Not only at the end: whoever presses Ctrl-C has no use for it either.
    Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(folder)));
    TinyLlama.write(folder, seed);
    return compare(folder);
  }

  private boolean compare(Path folder) throws IOException {
    List<Integer> expected;
    try (Llm single = Llm.load(folder)) {
      int[] encoded = single.encode(prompt);
      System.out.printf(
          "model             %d layers, %d heads, of these %d for keys and values%n",
          single.layers(), single.config().numberOfHeads, single.config().numberOfKeyValueHeads);
      System.out.printf("prompt            %d tokens%n", encoded.length);
      expected = generate(single, encoded);
      System.out.printf("one process       %s%n", single.text(expected));
      String jlama = single.generate(prompt, tokens).strip();
      if (!single.text(expected).strip().equals(jlama)) {
        System.err.println("Jlama's own generate() says: " + jlama);
        return false;
      }
      if (cacheMib == 0) {
        return same(expected, twoProcesses(folder, Optional.empty()), "two processes", single);
      }
      Process cache = example.kvcache.Main.start(Integer.toString(cacheMib));
      try {
        String segment = example.kvcache.Main.segment(cache.inputReader());
        List<Integer> actual = twoProcesses(folder, Optional.of(segment));
        return same(expected, actual, "two processes", single)
            && same(expected, fromCache(folder, segment), "from the cache", single);
      } finally {
        cache.destroyForcibly();
      }
    }
  }

  private static boolean same(
      List<Integer> expected, List<Integer> actual, String name, Llm single) {
    boolean same = actual.equals(expected);
    System.out.printf("%-17s %s%n", name, single.text(actual));
    System.out.printf("tokens            %s%n", Orders.join(actual));
    System.out.println(same ? "identical" : "DIFFERENT from " + Orders.join(expected));
    return same;
  }

  private List<Integer> generate(Llm single, int[] encoded) {
    try (KvBuffer cache = single.newCache()) {
      int first = single.prefill(encoded, cache, (layer, from, to) -> {});
      return single.decode(first, encoded.length, tokens, cache);
    }
  }

  private List<Integer> twoProcesses(Path folder, Optional<String> cache) throws IOException {
    try (Orders.Node decode = decodeNode(folder, Optional.empty())) {
      List<String> arguments = new ArrayList<>(List.of(folder.toString(), prompt));
      arguments.addAll(decode.answer());
      cache.ifPresent(arguments::add);
      try (Orders.Node prefill = Orders.Node.start("prefilling", PrefillNode.class, arguments)) {
        report(prefill.answer());
        return decoded(decode);
      }
    }
  }

  private List<Integer> fromCache(Path folder, String cache) throws IOException {
    try (Orders.Node decode = decodeNode(folder, Optional.of(cache))) {
      List<String> got = decode.answer();
      System.out.printf(
          Locale.ROOT,
          "cache             %,d bytes read and checked in %s ms%n",
          Long.parseLong(got.get(1)),
          millis(got.get(0)));
      return decoded(decode);
    }
  }

  private Orders.Node decodeNode(Path folder, Optional<String> cache) throws IOException {
    List<String> arguments =
        new ArrayList<>(List.of(folder.toString(), prompt, Integer.toString(tokens)));
    cache.ifPresent(arguments::add);
    return Orders.Node.start("decoding", DecodeNode.class, arguments);
  }

  private static List<Integer> decoded(Orders.Node decode) throws IOException {
    List<String> answer = decode.answer();
    System.out.printf("decode            %s ms%n", millis(answer.get(0)));
    return Orders.split(answer.get(1));
  }

  private static void report(List<String> words) {
    long bytes = Long.parseLong(words.get(2));
    double busy = Long.parseLong(words.get(3));
    double hidden = Long.parseLong(words.get(4));
    System.out.printf("prefill           %s ms%n", millis(words.get(0)));
    System.out.printf(
        Locale.ROOT,
        "hand-over         %,d bytes in %s transfers over %s: %s ms, %.2f GB/s%n",
        bytes,
        words.get(1),
        words.get(6),
        millis(words.get(3)),
        bytes / busy);
    System.out.printf(
        Locale.ROOT,
        "overlap           %.0f %% of it while the prompt was computed; done %s ms after that%n",
        100 * hidden / busy,
        millis(words.get(5)));
  }

  private static String millis(String nanos) {
    return String.format(Locale.ROOT, "%.2f", Long.parseLong(nanos) / 1e6);
  }

  private static void delete(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      System.err.println("cannot delete " + folder + ": " + e);
    }
  }
}
