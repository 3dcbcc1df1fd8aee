// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Runs our kernel's text, one thread after another, on a machine without a device. It knows the
 * instructions that the kernel has, and no others, and refuses what a device would: an address that
 * is not a multiple of an access' width, or outside of all memory.
 */
final class PtxMachine {
  /** What the kernel reads and writes. */
  interface Memory {
    long load(long address, int bytes);

    void store(long address, int bytes, long value);
  }

  private static final int STEPS_LIMIT = 1_000_000;

  private final List<String[]> code = new ArrayList<>();
  private final Map<String, Integer> labels = new HashMap<>();

  /** Parses the body of the one kernel in a text. */
  PtxMachine(String text) {
    String bare = text.replaceAll("//[^\n]*", "");
    String body = bare.substring(bare.indexOf('{') + 1, bare.lastIndexOf('}'));
    for (String statement : body.replaceAll("(?m)^(\\w+):", "$1:;").split(";", -1)) {
      String line = statement.strip();
      if (line.endsWith(":")) {
        labels.put(line.substring(0, line.length() - 1), code.size());
      } else if (!line.isEmpty() && !line.startsWith(".reg")) {
        code.add(line.replaceAll("[\\[\\]{},]", " ").strip().split("\\s+"));
      }
    }
  }

  /** Runs one thread to its end. */
  void run(Memory memory, long argument, int block, int blocks, int thread, int threads) {
    Map<String, Long> values = new HashMap<>();
    values.put("table", argument);
    values.put("%tid.x", (long) thread);
    values.put("%ntid.x", (long) threads);
    values.put("%ctaid.x", (long) block);
    values.put("%nctaid.x", (long) blocks);
    int at = 0;
    for (int steps = 0; steps < STEPS_LIMIT; steps++) {
      String[] words = code.get(at++);
      if (words[0].startsWith("@")) {
        if (value(values, words[0].substring(1)) == 0) {
          continue;
        }
        words = List.of(words).subList(1, words.length).toArray(String[]::new);
      }
      if (words[0].equals("ret")) {
        return;
      }
      if (words[0].equals("bra")) {
        at = Objects.requireNonNull(labels.get(words[1]), words[1]);
      } else {
        step(memory, values, words);
      }
    }
    throw new AssertionError("it does not end");
  }

  private static void step(Memory memory, Map<String, Long> values, String[] words) {
    String to = words[1];
    switch (words[0]) {
      case "ld.param.u64", "mov.u32", "mov.u64", "cvt.u64.u32" ->
          values.put(to, value(values, words[2]));
      case "ld.global.u64" -> values.put(to, load(memory, value(values, words[2]), 8));
      case "ld.global.u32" -> values.put(to, load(memory, value(values, words[2]), 4));
      case "ld.global.u8" -> values.put(to, load(memory, value(values, words[2]), 1));
      case "st.global.u32" -> store(memory, value(values, to), 4, value(values, words[2]));
      case "st.global.u8" -> store(memory, value(values, to), 1, value(values, words[2]));
      case "ld.global.v4.u32" -> {
        long from = value(values, words[5]);
        requireWhole(from, 16);
        for (int i = 0; i < 4; i++) {
          values.put(words[1 + i], load(memory, from + 4L * i, 4));
        }
      }
      case "st.global.v4.u32" -> {
        long target = value(values, to);
        requireWhole(target, 16);
        for (int i = 0; i < 4; i++) {
          store(memory, target + 4L * i, 4, value(values, words[2 + i]));
        }
      }
      case "neg.s64" -> values.put(to, -value(values, words[2]));
      case "not.b64" -> values.put(to, ~value(values, words[2]));
      case "setp.eq.u64" -> values.put(to, compare(values, words) == 0 ? 1L : 0L);
      case "setp.ge.u64" -> values.put(to, compare(values, words) >= 0 ? 1L : 0L);
      default -> values.put(to, sum(words[0], value(values, words[2]), value(values, words[3])));
    }
  }

  private static int compare(Map<String, Long> values, String[] words) {
    return Long.compareUnsigned(value(values, words[2]), value(values, words[3]));
  }

  private static long sum(String instruction, long a, long b) {
    return switch (instruction) {
      case "mul.wide.u32" -> a * b;
      case "add.u64" -> a + b;
      case "sub.u64" -> a - b;
      case "and.b64" -> a & b;
      case "xor.b64" -> a ^ b;
      case "shl.b64" -> a << b;
      case "min.u64" -> Long.compareUnsigned(a, b) < 0 ? a : b;
      default -> throw new AssertionError("unknown: " + instruction);
    };
  }

  private static long value(Map<String, Long> values, String word) {
    if (Character.isDigit(word.charAt(0))) {
      return Long.parseLong(word);
    }
    Long value = values.get(word);
    if (value == null) {
      throw new AssertionError(word + " has no value");
    }
    return value;
  }

  private static void requireWhole(long address, int bytes) {
    if (address % bytes != 0) {
      throw new AssertionError("%d bytes at 0x%x: misaligned".formatted(bytes, address));
    }
  }

  private static long load(Memory memory, long address, int bytes) {
    requireWhole(address, bytes);
    return memory.load(address, bytes);
  }

  private static void store(Memory memory, long address, int bytes, long value) {
    requireWhole(address, bytes);
    memory.store(address, bytes, value);
  }
}
