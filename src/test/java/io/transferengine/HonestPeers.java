// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.PeerProcess;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Two who mean well by an engine, each from an address of its own: an engine like it, in a JVM of
 * its own, and a peer that speaks as C++ engines do. They write and read, small and large, and
 * check what has come. The first thing that goes wrong ends them.
 */
final class HonestPeers implements AutoCloseable {
  /** Where the plain peer comes from; the engine's is 127.0.0.1. */
  static final String PLAIN_FROM = "127.0.0.3";

  private static final int MIB = 1 << 20;
  private static final int[] LENGTHS = {100, 5000, MIB};
  private static final String WRITE = "write";

  private final PeerProcess engine;
  private final PeerProcess target;
  private final int dataPort;
  private final long local;
  private final long ofEngine;
  private final long ofPlain;
  private final RawInitiator kept;
  private final Times engineTimes = new Times("of an engine");
  private final Times plainTimes = new Times("of a plain peer");
  private final ExecutorService threads = Executors.newFixedThreadPool(2);
  private final List<Future<Long>> running = new ArrayList<>();
  private volatile boolean over;
  private long engineRounds;
  private long plainRounds;

  /** How long writes of 1 MiB took. */
  private static final class Times {
    private static final double NANOS_PER_MILLI = 1e6;

    private final String whose;
    private String slowest = "nothing";
    private long slowestNanos;
    private final List<Long> nanos = Collections.synchronizedList(new ArrayList<>());
    private int told;

    Times(String whose) {
      this.whose = whose;
    }

    /** Something has taken from then until now; {@return now} */
    long took(long startNanos, String what, int length) {
      long now = System.nanoTime();
      synchronized (this) {
        if (now - startNanos > slowestNanos) {
          slowestNanos = now - startNanos;
          slowest = "a %s of %d in %.1f ms".formatted(what, length, slowestNanos / NANOS_PER_MILLI);
        }
      }
      if (length == MIB && what.equals(WRITE)) {
        nanos.add(now - startNanos);
      }
      return now;
    }

    private synchronized String slowest() {
      String was = slowest;
      slowest = "nothing";
      slowestNanos = 0;
      return was;
    }

    /** {@return those since this was asked last} */
    String lap() {
      int from = told;
      told = nanos.size();
      return text(List.copyOf(nanos.subList(from, told))) + ", slowest of all " + slowest();
    }

    @Override
    public String toString() {
      return text(nanos);
    }

    private String text(List<Long> some) {
      long[] all = some.stream().mapToLong(each -> each).sorted().toArray();
      return all.length == 0
          ? "none " + whose
          : "%d %s, p50 %.1f ms, p99 %.1f ms, longest %.1f ms"
              .formatted(
                  all.length,
                  whose,
                  all[all.length / 2] / NANOS_PER_MILLI,
                  all[all.length * 99 / 100] / NANOS_PER_MILLI,
                  all[all.length - 1] / NANOS_PER_MILLI);
    }
  }

  /**
   * @param engine the one; this closes it
   * @param dataPort the target's
   */
  HonestPeers(PeerProcess engine, PeerProcess target, int dataPort) throws IOException {
    this.engine = engine;
    this.target = target;
    this.dataPort = dataPort;
    local = engine.allocate(2 * MIB);
    ofEngine = target.allocate(MIB);
    ofPlain = target.allocate(MIB);
    kept = new RawInitiator(PLAIN_FROM, dataPort, 0);
  }

  /** Everything once, by both of them, on the caller's thread. */
  void round() throws IOException {
    engineRound();
    plainRound();
  }

  /** They go on until {@link #stop}. */
  void start() {
    engineTimes.nanos.clear();
    plainTimes.nanos.clear();
    running.add(threads.submit(rounds(this::engineRound)));
    running.add(threads.submit(rounds(this::plainRound)));
  }

  private interface Round {
    void run() throws IOException;
  }

  private Callable<Long> rounds(Round round) {
    return () -> {
      long done = 0;
      while (!over) {
        round.run();
        done++;
      }
      return done;
    };
  }

  /** They end their rounds; throws what went wrong with one of them. */
  void stop() throws InterruptedException {
    over = true;
    for (Future<Long> each : running) {
      try {
        assertThat(each.get()).as("rounds").isPositive();
      } catch (ExecutionException e) {
        throw new AssertionError("An honest peer was not served", e.getCause());
      }
    }
    running.clear();
  }

  private void engineRound() {
    for (int length : LENGTHS) {
      engine.fill(local, length, engineRounds + length);
      engine.zero(local + MIB, length);
      long startNanos = System.nanoTime();
      assertThat(engine.call("transferSyncWrite", target.name(), local, ofEngine, length))
          .as("round %d, write of %d bytes; log: %s", engineRounds, length, engine.log())
          .isZero();
      startNanos = engineTimes.took(startNanos, WRITE, length);
      assertThat(engine.call("transferSyncRead", target.name(), local + MIB, ofEngine, length))
          .as("round %d, read of %d bytes; log: %s", engineRounds, length, engine.log())
          .isZero();
      long _ = engineTimes.took(startNanos, "read", length);
      assertThat(engine.mismatch(local + MIB, length, engineRounds + length)).isEqualTo(-1);
    }
    engineRounds++;
  }

  /** Version 2 on a connection that is kept, and on a new one in turn with version 1. */
  private void plainRound() throws IOException {
    plainRequests(kept, RawInitiator.V2);
    long startNanos = System.nanoTime();
    try (RawInitiator fresh = new RawInitiator(PLAIN_FROM, dataPort, 0)) {
      long _ = plainTimes.took(startNanos, "connect", 0);
      plainRequests(fresh, plainRounds % 2 == 0 ? RawInitiator.V2 : 0);
    }
    plainRounds++;
  }

  private void plainRequests(RawInitiator connection, int version2Bit) throws IOException {
    for (int length : LENGTHS) {
      byte[] body = new byte[length];
      new Random(plainRounds + length).nextBytes(body);
      long startNanos = System.nanoTime();
      connection.send(RawInitiator.writeRequest(ofPlain, body, version2Bit));
      if (version2Bit != 0) {
        assertThat(connection.receive(RawInitiator.OK.length)).isEqualTo(RawInitiator.OK);
        startNanos = plainTimes.took(startNanos, WRITE, length);
      }
      connection.send(RawInitiator.header(length, ofPlain, RawInitiator.READ | version2Bit));
      if (version2Bit != 0) {
        assertThat(connection.receive(RawInitiator.OK.length)).isEqualTo(RawInitiator.OK);
      }
      assertThat(Arrays.equals(connection.receive(length), body))
          .as("round %d, the %d bytes read", plainRounds, length)
          .isTrue();
      long _ =
          plainTimes.took(
              startNanos, version2Bit != 0 ? "read" : "version 1 write and read", length);
    }
  }

  /** {@return how long their writes of 1 MiB took since {@link #start}} */
  String times() {
    return engineTimes + "; " + plainTimes;
  }

  /** {@return the same since this was asked last} */
  String lap() {
    return engineTimes.lap() + "; " + plainTimes.lap();
  }

  @Override
  public void close() throws IOException {
    over = true;
    threads.shutdownNow();
    engine.close();
    kept.close();
  }
}
