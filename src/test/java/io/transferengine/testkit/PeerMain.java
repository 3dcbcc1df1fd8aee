// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import io.transferengine.Engine;
import io.transferengine.TransferEngine;
import io.transferengine.TransferNotify;
import io.transferengine.TransferOpcode;
import io.transferengine.access.AccessRights;
import io.transferengine.metrics.MetricsSnapshot;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Array;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The other process. One line on standard input is one command: its name and arguments, each
 * URL-encoded, with tabs between them. One line answers: {@code =} and the value, or {@code !} and
 * what was thrown. The process ends with its standard input.
 *
 * <p>{@code call NAME ARGS} calls that method of its {@link TransferEngine}.
 */
public final class PeerMain {
  private final Map<Long, Mapped> mapped = new HashMap<>();
  private TransferEngine engine = new TransferEngine();

  private PeerMain() {}

  /** Serves until standard input ends. */
  public static void main(String[] args) throws IOException {
    PrintStream answers = System.out;
    System.setOut(System.err); // nothing else may speak between the answers
    PeerMain peer = new PeerMain();
    var commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      List<String> words =
          Arrays.stream(line.split("\t", -1))
              .map(word -> URLDecoder.decode(word, StandardCharsets.UTF_8))
              .toList();
      answers.println(peer.answer(words.getFirst(), words.subList(1, words.size())));
      answers.flush();
    }
    Runtime.getRuntime().halt(0);
  }

  private String answer(String command, List<String> args) {
    try {
      return "=" + URLEncoder.encode(text(run(command, args)), StandardCharsets.UTF_8);
    } catch (InvocationTargetException e) {
      return "!" + URLEncoder.encode(String.valueOf(e.getCause()), StandardCharsets.UTF_8);
    } catch (Exception e) {
      return "!" + URLEncoder.encode(e.toString(), StandardCharsets.UTF_8);
    }
  }

  private Object run(String command, List<String> args) throws ReflectiveOperationException {
    return switch (command) {
      case "call" -> call(args.getFirst(), args.subList(1, args.size()));
      case "renew" -> {
        engine.close();
        engine = new TransferEngine();
        yield 0;
      }
      case "map" -> {
        Mapped made = Mapped.of(number(args, 0));
        mapped.put(made.address(), made);
        yield made.address();
      }
      case "unmap" -> {
        Mapped known = mapped.remove(number(args, 0));
        if (known == null) {
          throw new IllegalArgumentException("not mapped here");
        }
        known.close();
        yield 0;
      }
      case "fill" -> {
        Pattern.fill(memory(args), number(args, 2), number(args, 3));
        yield 0;
      }
      case "zero" -> {
        memory(args).fill((byte) 0);
        yield 0;
      }
      case "mismatch" -> Pattern.firstMismatch(memory(args), number(args, 2), number(args, 3));
      case "strided" -> firstWrongBlock(args);
      case "count" -> count(memory(args), (byte) number(args, 2));
      case "notifies" -> engine.getNotifies().size();
      case "direct" -> directBytes();
      case "heap" -> heapBytes();
      case "counters" -> counters();
      case "byte" -> memory(args).get(ValueLayout.JAVA_BYTE, 0);
      default -> throw new IllegalArgumentException("unknown command " + command);
    };
  }

  private static long directBytes() {
    return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
        .filter(pool -> pool.getName().equals("direct"))
        .mapToLong(BufferPoolMXBean::getTotalCapacity)
        .sum();
  }

  /** What is in use once the garbage is gone. */
  @SuppressWarnings("SystemGc") // not a wish: the figure would mean nothing without it
  private static long heapBytes() {
    System.gc();
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }

  /** What the engine has counted, and holds, but for zeros. */
  private String counters() throws ReflectiveOperationException {
    Method open = TransferEngine.class.getDeclaredMethod("open");
    open.setAccessible(true);
    MetricsSnapshot now = ((Engine) open.invoke(engine)).metrics();
    return Stream.of(now.counters(), now.gauges())
        .flatMap(figures -> figures.entrySet().stream())
        .filter(each -> each.getValue() != 0)
        .map(each -> each.getKey() + "=" + each.getValue())
        .collect(Collectors.joining(" "));
  }

  private static long count(MemorySegment memory, byte value) {
    long count = 0;
    for (long i = 0; i < memory.byteSize(); i++) {
      if (memory.get(ValueLayout.JAVA_BYTE, i) == value) {
        count++;
      }
    }
    return count;
  }

  /** Address, count, block length, stride, seed: block by block, and zeros in the gaps. */
  private static long firstWrongBlock(List<String> args) {
    return Blocks.firstWrong(
        number(args, 0), (int) number(args, 1), number(args, 2), number(args, 3), number(args, 4));
  }

  private Object call(String name, List<String> args) throws ReflectiveOperationException {
    for (Method method : TransferEngine.class.getMethods()) {
      Class<?>[] types = method.getParameterTypes();
      if (method.getName().equals(name) && types.length == args.size() && fit(types, args)) {
        Object[] values = new Object[types.length];
        for (int i = 0; i < types.length; i++) {
          values[i] = value(types[i], args.get(i));
        }
        Object result = method.invoke(engine, values);
        return result == null ? "" : result;
      }
    }
    throw new NoSuchMethodException(name + " with " + args.size() + " arguments");
  }

  /** Of methods with one name and as many parameters: rights are no text, and no text is rights. */
  private static boolean fit(Class<?>[] types, List<String> args) {
    for (int i = 0; i < types.length; i++) {
      String text = args.get(i);
      boolean rights = Arrays.stream(AccessRights.values()).anyMatch(r -> r.name().equals(text));
      if (rights != (types[i] == AccessRights.class)) {
        return false;
      }
    }
    return true;
  }

  private static Object value(Class<?> type, String text) {
    if (type == String.class) {
      return text;
    } else if (type == long.class) {
      return Long.parseLong(text);
    } else if (type == TransferOpcode.class) {
      return TransferOpcode.valueOf(text);
    } else if (type == AccessRights.class) {
      return AccessRights.valueOf(text);
    } else if (type == byte[].class) {
      return Base64.getDecoder().decode(text);
    } else if (type == long[].class) {
      return text.isEmpty()
          ? new long[0]
          : Arrays.stream(text.split(",", -1)).mapToLong(Long::parseLong).toArray();
    }
    throw new IllegalArgumentException("no text form of " + type);
  }

  private static String text(Object value) {
    if (value instanceof byte[] bytes) {
      return Base64.getEncoder().encodeToString(bytes);
    }
    if (value instanceof List<?> list) {
      return list.stream()
          .map(entry -> (TransferNotify) entry)
          .map(entry -> entry.name() + "=" + entry.message())
          .collect(Collectors.joining("\n"));
    }
    if (value.getClass().isArray()) {
      throw new IllegalArgumentException("an array of " + Array.getLength(value));
    }
    return value.toString();
  }

  private static MemorySegment memory(List<String> args) {
    return Mapped.at(number(args, 0), number(args, 1));
  }

  private static long number(List<String> args, int index) {
    return Long.parseLong(args.get(index));
  }
}
