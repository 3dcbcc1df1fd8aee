// SPDX-License-Identifier: Apache-2.0
package example.kvcache;

import io.transferengine.Allocation;
import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/** Serves a cache, or starts one in a process of its own, fills it, and looks what it has kept. */
public final class Main {
  private static final String USAGE =
      """
      Usage: ./te example kv-cache [--serve HOST [MIB]]

      Without arguments: starts a server, puts more than it can keep, and reads it back.
      --serve HOST [MIB] serves until standard input ends, with so many MiB (default 64); prints
                         "cache SEGMENT". HOST is this machine's name or address for clients.

      Exit status: 0 what is there is right and the rest is gone, 1 it is not, 2 usage.
      """;

  private static final int MIB = 1 << 20;
  private static final int CAPACITY_MIB = 64;
  private static final int VALUES = 100;

  /** Read again and again while others are put, so that it is never the oldest. */
  private static final int FAVOURITE = 3;

  private Main() {}

  public static void main(String[] args) throws Exception {
    if (args.length == 0) {
      System.exit(demonstrate() ? 0 : 1);
    }
    if (args[0].equals("--help")) {
      System.out.print(USAGE);
    } else if (args[0].equals("--serve") && (args.length == 2 || args.length == 3)) {
      serve(args[1], args.length == 3 ? Integer.parseInt(args[2]) : CAPACITY_MIB);
    } else {
      System.err.print(USAGE);
      System.exit(2);
    }
  }

  private static void serve(String host, int mib) throws IOException {
    try (Engine engine = open(host);
        CacheServer server = new CacheServer(engine, (long) mib * MIB)) {
      System.out.println("cache " + engine.segmentName());
      System.in.transferTo(OutputStream.nullOutputStream());
      System.out.printf("dropped %d%n", server.dropped());
    }
  }

  private static Engine open(String host) {
    return Engine.open(EngineConfig.fromEnvironment(host).protocol("tcp").build());
  }

  /** Starts a server as a process; the first line of its output has its segment. */
  public static Process start(String mib) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElse("java"));
    command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.addAll(List.of(Main.class.getName(), "--serve", "127.0.0.1", mib));
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }

  /** The segment in the first line of its output. */
  public static String segment(BufferedReader output) throws IOException {
    String line = output.readLine();
    if (line == null || !line.startsWith("cache ")) {
      throw new IOException("the cache said: " + line);
    }
    return line.substring("cache ".length());
  }

  private static boolean demonstrate() throws Exception {
    Process process = start(Integer.toString(CAPACITY_MIB));
    try (Engine engine = open("127.0.0.1");
        CacheClient client = new CacheClient(engine, segment(process.inputReader()));
        Allocation memory = engine.allocate(MIB)) {
      // In two parts, as keys and values are in many.
      List<MemorySegment> parts =
          List.of(memory.segment().asSlice(0, 1000), memory.segment().asSlice(1000));
      long nanos = 0;
      for (int i = 0; i < VALUES; i++) {
        fill(memory.segment(), i);
        long begin = System.nanoTime();
        boolean put = client.put(i + 1, parts);
        nanos += System.nanoTime() - begin;
        if (!put || i >= FAVOURITE && !client.get(FAVOURITE + 1, parts)) {
          System.err.println("value " + i + " could not be put, or the favourite was dropped");
          return false;
        }
      }
      report("put", VALUES, nanos);
      return readBack(client, memory.segment(), parts);
    } finally {
      process.destroyForcibly();
    }
  }

  private static boolean readBack(
      CacheClient client, MemorySegment memory, List<MemorySegment> parts) {
    int found = 0;
    boolean right = true;
    long nanos = 0;
    for (int i = 0; i < VALUES; i++) {
      memory.fill((byte) 0);
      boolean expected = i == FAVOURITE || i > VALUES - CAPACITY_MIB;
      long begin = System.nanoTime();
      boolean there = client.get(i + 1, parts);
      nanos += there ? System.nanoTime() - begin : 0;
      if (there) {
        found++;
      }
      if (there != expected || there && !isFilled(memory, i)) {
        System.err.printf("value %d: %s%n", i, there ? "should not be there, or is wrong" : "gone");
        right = false;
      }
    }
    report("got", found, nanos);
    System.out.printf(
        "%d of %d values were kept, of 1 MiB in %d MiB: the newest, and the one in use%n",
        found, VALUES, CAPACITY_MIB);
    return right;
  }

  private static void report(String what, int values, long nanos) {
    System.out.printf(
        Locale.ROOT,
        "%d values %s: %.1f ms, %.2f GB/s%n",
        values,
        what,
        nanos / 1e6,
        (double) values * MIB / nanos);
  }

  private static void fill(MemorySegment memory, int seed) {
    memory.copyFrom(MemorySegment.ofArray(bytes(seed)));
  }

  private static boolean isFilled(MemorySegment memory, int seed) {
    return memory.mismatch(MemorySegment.ofArray(bytes(seed))) == -1;
  }

  private static byte[] bytes(int seed) {
    byte[] bytes = new byte[MIB];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }
}
