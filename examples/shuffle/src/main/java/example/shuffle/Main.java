// SPDX-License-Identifier: Apache-2.0
package example.shuffle;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.transferengine.Allocation;
import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.RegistrationOptions;
import io.transferengine.Segment;
import io.transferengine.netty.ByteBufArenas;
import io.transferengine.netty.ByteBufs;
import io.transferengine.transfer.Operation;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/** The process that fetches all blocks, both ways in turn, and checks every byte. */
final class Main {
  private static final String USAGE =
      """
      Usage: ./te example shuffle [BLOCKS [BYTES [ROUNDS]]]

      Fetches BLOCKS blocks (default 256) of BYTES/2 to BYTES bytes (default 262144) from another
      process, ROUNDS times (default 7) by one-sided reads and as often as file regions.

      Exit status: 0 all bytes are right, 1 they are not, 2 usage.
      """;

  private Main() {}

  public static void main(String[] args) throws Exception {
    if (args.length > 3 || !Arrays.stream(args).allMatch(word -> word.matches("[1-9][0-9]{0,8}"))) {
      System.err.print(USAGE);
      System.exit(2);
    }
    int blocks = args.length > 0 ? Integer.parseInt(args[0]) : 256;
    int most = args.length > 1 ? Integer.parseInt(args[1]) : 1 << 18;
    int rounds = args.length > 2 ? Integer.parseInt(args[2]) : 7;
    System.exit(run(blocks, most, rounds) ? 0 : 1);
  }

  private static boolean run(int count, int most, int rounds) throws Exception {
    Process mapSide = start(count, most);
    try (Engine engine =
        Engine.open(EngineConfig.fromEnvironment("127.0.0.1").protocol("tcp").build())) {
      String line = mapSide.inputReader().readLine();
      if (line == null || !line.startsWith("ready ")) {
        throw new IOException("the other process said: " + line);
      }
      String[] words = line.split(" ");
      Segment peer = engine.openSegment(words[1]);
      long[] table = readTable(engine, peer, Long.parseLong(words[2]), count);
      try (ByteBufArenas arenas = new ByteBufArenas(engine, RegistrationOptions.DEFAULT);
          FileFetch files = new FileFetch(Integer.parseInt(words[3]))) {
        List<ByteBuf> into = empty(table, count);
        into.forEach(arenas::register);
        System.out.printf(
            "%d blocks in %s chunks there and %d here, registered once%n",
            count, words[4], arenas.size());
        boolean right = compare(rounds, table, into, peer, files);
        into.forEach(ByteBuf::release);
        return right;
      }
    } finally {
      // It ends by itself, and takes its file with it.
      mapSide.getOutputStream().close();
      if (!mapSide.waitFor(1, TimeUnit.MINUTES)) {
        mapSide.destroyForcibly();
      }
    }
  }

  private static Process start(int count, int most) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElse("java"));
    command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), MapSide.class.getName()));
    command.addAll(List.of(Integer.toString(count), Integer.toString(most)));
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }

  private static long[] readTable(Engine engine, Segment peer, long address, int count) {
    try (Allocation table = engine.allocate((long) count * MapSide.COLUMNS * Long.BYTES)) {
      peer.read(table.segment(), address).toCompletableFuture().join();
      return table.segment().toArray(ValueLayout.JAVA_LONG);
    }
  }

  private static List<ByteBuf> empty(long[] table, int count) {
    List<ByteBuf> buffers = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int length = Math.toIntExact(column(table, i, 1));
      buffers.add(PooledByteBufAllocator.DEFAULT.directBuffer(length, length));
    }
    return buffers;
  }

  private static long column(long[] table, int block, int column) {
    return table[block * MapSide.COLUMNS + column];
  }

  private static boolean compare(
      int rounds, long[] table, List<ByteBuf> into, Segment peer, FileFetch files) {
    long[] oneSided = new long[rounds];
    long[] regions = new long[rounds];
    long[] offsets = new long[into.size()];
    Arrays.setAll(offsets, block -> column(table, block, 2));
    for (int round = 0; round < rounds; round++) {
      clear(into);
      long begin = System.nanoTime();
      read(table, into, peer);
      oneSided[round] = System.nanoTime() - begin;
      if (!check("one-sided", table, into)) {
        return false;
      }
      clear(into);
      begin = System.nanoTime();
      files.fetch(offsets, into);
      regions[round] = System.nanoTime() - begin;
      if (!check("file regions", table, into)) {
        return false;
      }
    }
    long bytes = into.stream().mapToLong(ByteBuf::capacity).sum();
    report("one-sided reads over " + String.join("+", peer.transports()), bytes, oneSided);
    report("file regions over Netty", bytes, regions);
    return true;
  }

  private static void clear(List<ByteBuf> buffers) {
    buffers.forEach(buffer -> buffer.setZero(0, buffer.capacity()).clear());
  }

  /** One batch: each block from its place in their arena to its place in ours. */
  private static void read(long[] table, List<ByteBuf> into, Segment peer) {
    long[] remote = new long[into.size()];
    Arrays.setAll(remote, block -> column(table, block, 0));
    ByteBufs.submit(peer, Operation.READ, into, remote).toCompletableFuture().join();
  }

  private static boolean check(String way, long[] table, List<ByteBuf> into) {
    for (int i = 0; i < into.size(); i++) {
      if (MapSide.checksum(into.get(i)) != column(table, i, 3)) {
        System.err.println(way + ": block " + i + " has other bytes");
        return false;
      }
    }
    return true;
  }

  private static void report(String way, long bytes, long[] nanos) {
    Arrays.sort(nanos);
    long median = nanos[nanos.length / 2];
    System.out.printf(
        Locale.ROOT,
        "%-34s %,d bytes, verified: median of %d %.1f ms, %.2f GB/s%n",
        way,
        bytes,
        nanos.length,
        median / 1e6,
        (double) bytes / median);
  }
}
