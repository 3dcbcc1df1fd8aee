// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.Units;
import io.transferengine.cli.target.TargetProcess;
import io.transferengine.transfer.Operation;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.TimeUnit;

/**
 * The least cost of a single block in Java: two processes with one blocking NIO channel send each
 * other the bytes of a request of protocol version 2 and of its answer, in turns. Only for rows
 * whose batch is one block.
 */
final class PingPong implements Reference {
  static final String NAME = "nio";

  /** The bytes around a block on the wire; see {@code docs/PROTOCOL.md}. */
  private static final int HEADER_BYTES = 24;

  private static final int STATUS_BYTES = 8;

  /** Larger blocks are sent as several requests, so the bytes would not be the same. */
  private static final long BLOCK_LIMIT_BYTES = 512 << 10;

  /** Enough for both JVMs to compile the code. */
  private static final Duration WARM_UP = Duration.ofSeconds(1);

  private static final Duration MEASURED = Duration.ofSeconds(2);
  private static final int SAMPLES_LIMIT = 1_000_000;

  /** A server that no longer answers is killed, which ends the wait for it. */
  private static final Duration RUN_LIMIT = WARM_UP.plus(MEASURED).plusSeconds(30);

  private final CommandEnvironment environment;
  private final String host;

  PingPong(CommandEnvironment environment, String host) {
    this.environment = environment;
    this.host = host;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public boolean tellsLatency() {
    return true;
  }

  @Override
  public String explanation() {
    return "nio: a bare NIO ping-pong of the same bytes between two processes, for batches of one"
        + " block, before each row; its p50 is that of a round trip";
  }

  @Override
  public Optional<Figure> measure(BenchCase measured) {
    BenchRow row = measured.row();
    if (!row.isSingleBlock() || row.blockBytes() > BLOCK_LIMIT_BYTES) {
      return Optional.empty();
    }
    int block = (int) row.blockBytes();
    boolean write = row.operation() == Operation.WRITE;
    Process server = null;
    try {
      server = TargetProcess.java(environment, PingPongServer.class, List.of(host)).start();
      Reference.endAfter(RUN_LIMIT, server);
      int port = portOf(server);
      long[] nanos =
          run(port, HEADER_BYTES + (write ? block : 0), STATUS_BYTES + (write ? 0 : block));
      double total = Arrays.stream(nanos).sum() / (double) TimeUnit.SECONDS.toNanos(1);
      Arrays.sort(nanos);
      double median = nanos[nanos.length / 2] / (double) TimeUnit.MICROSECONDS.toNanos(1);
      return Optional.of(
          new Figure(
              Units.gb(nanos.length * row.blockBytes()) / total,
              OptionalDouble.empty(),
              OptionalDouble.of(median)));
    } catch (IOException e) {
      throw CommandException.failed("--against nio: the other process: " + e.getMessage());
    } finally {
      Reference.end(server);
    }
  }

  private static int portOf(Process server) throws IOException {
    BufferedReader said = server.inputReader();
    String line = said.readLine();
    if (line == null) {
      throw new IOException("it ended before it listened");
    }
    return Integer.parseInt(line);
  }

  /** {@return the time of each round trip, in nanoseconds} */
  private long[] run(int port, int requestBytes, int answerBytes) throws IOException {
    try (SocketChannel channel = SocketChannel.open(new InetSocketAddress(host, port))) {
      channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
      ByteBuffer hello = ByteBuffer.allocateDirect(PingPongServer.HELLO_BYTES);
      PingPongServer.send(channel, hello.putInt(requestBytes).putInt(answerBytes).flip());
      ByteBuffer request = ByteBuffer.allocateDirect(requestBytes);
      ByteBuffer answer = ByteBuffer.allocateDirect(answerBytes);
      var _ = roundTrips(channel, request, answer, WARM_UP);
      return roundTrips(channel, request, answer, MEASURED);
    }
  }

  private static long[] roundTrips(
      SocketChannel channel, ByteBuffer request, ByteBuffer answer, Duration duration)
      throws IOException {
    long[] nanos = new long[SAMPLES_LIMIT];
    int count = 0;
    long begin = System.nanoTime();
    long last = begin;
    while (count < SAMPLES_LIMIT && last - begin < duration.toNanos()) {
      PingPongServer.send(channel, request.clear());
      if (!PingPongServer.fill(channel, answer.clear())) {
        throw new IOException("it closed the connection");
      }
      long now = System.nanoTime();
      nanos[count++] = now - last;
      last = now;
    }
    return Arrays.copyOf(nanos, count);
  }
}
