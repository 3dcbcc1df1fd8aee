// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.transferengine.Allocation;
import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.micrometer.TransferEngineMetrics;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import jdk.jfr.Recording;

/**
 * What being observed costs batches of 128 scattered blocks of 4 KiB between two processes.
 *
 * <p>One process is observed by Prometheus's meters and by a recording of all transfers for a slice
 * of time, and not observed for the next, and so on: whatever else changes on the machine changes
 * for both. JMH runs all of one kind before the other, which on a machine with neighbours shows
 * nothing of a few percent. In two terminals:
 *
 * <pre>
 *   ./te run src/jmh/java/io/transferengine/engine/ObservedPairs.java auto
 *   ./te run src/jmh/java/io/transferengine/engine/ObservedPairs.java auto NAME ADDRESS 120 150
 * </pre>
 *
 * <p>The first prints the name and the address of the second. {@code off} instead of {@code auto}
 * is TCP, 120 are pairs of slices, 150 the milliseconds of each. {@code 120 150 control} observes
 * neither, and says what the method itself makes up.
 */
public final class ObservedPairs {
  private static final int BLOCKS = 128;
  private static final int BLOCK_BYTES = 4096;

  /** Every other page of it is used. */
  private static final int BYTES = 2 * BLOCKS * BLOCK_BYTES;

  private static final int WARM_UP_PAIRS = 10;

  /** Behind each change of kind, so that nothing of that is measured. */
  private static final int WARM_UP_BATCHES = 500;

  private static final int BATCHES_MAX = 1_000_000;

  private final Random random = new Random(3);
  private final Engine engine;
  private final boolean isControl;
  private final long[] nanos = new long[BATCHES_MAX];

  private ObservedPairs(Engine engine, boolean isControl) {
    this.engine = engine;
    this.isControl = isControl;
  }

  /**
   * A target, or the measurement.
   *
   * @param arguments see above
   */
  public static void main(String[] arguments) throws Exception {
    LocalMode local = arguments[0].equals("off") ? LocalMode.OFF : LocalMode.AUTO;
    EngineConfig config = EngineConfig.builder("127.0.0.1").protocol("tcp").local(local).build();
    try (Engine engine = Engine.open(config);
        Allocation memory = engine.allocate(BYTES)) {
      if (arguments.length == 1) {
        System.out.println(engine.segmentName() + " " + memory.address());
        int _ = System.in.read();
        return;
      }
      ObservedPairs pairs = new ObservedPairs(engine, arguments.length > 5);
      long remote = Long.parseLong(arguments[2]);
      for (Operation operation : new Operation[] {Operation.WRITE, Operation.READ}) {
        BlockColumns blocks = pairs.scattered(memory.address(), remote);
        pairs.measure(
            TransferRequest.of(operation, arguments[1], blocks),
            Integer.parseInt(arguments[3]),
            TimeUnit.MILLISECONDS.toNanos(Long.parseLong(arguments[4])));
      }
    }
  }

  private BlockColumns scattered(long local, long remote) {
    long[] lengths = new long[BLOCKS];
    Arrays.fill(lengths, BLOCK_BYTES);
    return BlockColumns.of(places(local), places(remote), lengths);
  }

  private long[] places(long base) {
    long[] places = new long[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
      int other = random.nextInt(i + 1);
      places[i] = places[other];
      places[other] = base + 2L * i * BLOCK_BYTES;
    }
    return places;
  }

  private void measure(TransferRequest request, int pairs, long sliceNanos) throws Exception {
    double[][] means = new double[2][pairs];
    double[][] medians = new double[2][pairs];
    for (int pair = -WARM_UP_PAIRS; pair < pairs; pair++) {
      for (int half = 0; half < 2; half++) {
        int kind = (half + pair) & 1;
        int batches = slice(request, kind == 1 && !isControl, sliceNanos);
        if (pair >= 0) {
          means[kind][pair] = Arrays.stream(nanos, 0, batches).average().orElseThrow();
          Arrays.sort(nanos, 0, batches);
          medians[kind][pair] = nanos[batches / 2];
        }
      }
    }
    tell(request.operation() + " p50", medians);
    tell(request.operation() + " mean", means);
  }

  private int slice(TransferRequest request, boolean observed, long sliceNanos) throws Exception {
    try (AutoCloseable _ = observed ? observe() : () -> {}) {
      for (int i = 0; i < WARM_UP_BATCHES; i++) {
        move(request);
      }
      long began = System.nanoTime();
      long before = began;
      int batches = 0;
      while (before - began < sliceNanos && batches < nanos.length) {
        move(request);
        long now = System.nanoTime();
        nanos[batches++] = now - before;
        before = now;
      }
      return batches;
    }
  }

  private void move(TransferRequest request) throws InterruptedException {
    TransferState state = engine.submitAndAwait(request).state();
    if (state != TransferState.COMPLETED) {
      throw new IllegalStateException("A transfer has ended as " + state);
    }
  }

  private AutoCloseable observe() {
    PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    TransferEngineMetrics meters = new TransferEngineMetrics(engine);
    meters.bindTo(registry);
    Recording recording = new Recording();
    recording.enable("io.transferengine.Transfer");
    recording.start();
    return () -> {
      recording.close();
      meters.close();
      registry.close();
    };
  }

  private void tell(String what, double[][] nanos) {
    double[] ratios = new double[nanos[0].length];
    for (int i = 0; i < ratios.length; i++) {
      ratios[i] = nanos[1][i] / nanos[0][i];
    }
    double[] drawn = new double[2000];
    for (int i = 0; i < drawn.length; i++) {
      drawn[i] =
          at(
              random.ints(ratios.length, 0, ratios.length).mapToDouble(j -> ratios[j]).toArray(),
              0.5);
    }
    System.out.printf(
        "%s: not observed %.1f us, observed %.1f; ratios of pairs: median %.4f (95 %% between %.4f"
            + " and %.4f)%n",
        what,
        at(nanos[0].clone(), 0.5) / 1000,
        at(nanos[1].clone(), 0.5) / 1000,
        at(ratios.clone(), 0.5),
        at(drawn.clone(), 0.025),
        at(drawn, 0.975));
  }

  private static double at(double[] values, double part) {
    Arrays.sort(values);
    return values[(int) (part * (values.length - 1))];
  }
}
