// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli;

import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.config.CommandEnvironment;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Measures transfers. */
@Command(
    name = "bench",
    sortOptions = false,
    description = {
      "Measures transfers between two processes: throughput, the latency of a batch, and the"
          + " processor time of both processes for a GB (10^9 bytes).",
      "",
      "Each thread submits a batch, waits for its end and submits it again. Blocks lie 4 KiB apart"
          + " so that the engine cannot make one request of several (--adjacent lets it). Each row"
          + " warms up first, and afterwards a sample of both sides' memory is compared.",
      ""
    },
    footer = {
      "",
      "Sizes: bytes, or 4K, 1M, 2G (powers of 1024). The environment variables of the engine"
          + " count.",
      "Exit status: 0 measured and verified, 1 failed, 2 usage, 3 the machine lacks something."
    })
final class BenchCommand implements Callable<Integer> {
  private static final int BATCH_LIMIT = 1_000_000;
  private static final int THREADS_LIMIT = 256;
  private static final int LANES_LIMIT = 16;
  private static final double SECONDS_LIMIT = 600;
  private static final int IDLE_SECONDS_LIMIT = 3600;
  private static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);

  @Option(names = "--loopback", description = "Both processes on this machine.")
  private boolean loopback;

  @Option(names = "--target", description = "Serves an initiator on another machine, until killed.")
  private boolean target;

  @Option(
      names = "--initiator",
      paramLabel = "HOST:PORT",
      description = "Measures against a --target, which printed this.")
  private @Nullable String initiator;

  @Option(
      names = "--idle",
      arity = "0..1",
      fallbackValue = "10",
      paramLabel = "SECONDS",
      description =
          "Measures instead what an engine with 10 open peers costs that does nothing, for"
              + " ${FALLBACK-VALUE} seconds.")
  private @Nullable Integer idleSeconds;

  @Option(
      names = "--sizes",
      split = ",",
      paramLabel = "SIZE",
      converter = Units.SizeConverter.class,
      defaultValue = "4K,64K,1M,16M",
      description = "Sizes of a block. Default: ${DEFAULT-VALUE}.")
  private List<Long> sizes = new ArrayList<>();

  @Option(
      names = "--batch",
      split = ",",
      paramLabel = "N",
      defaultValue = "1,128",
      description = "Blocks of a batch. Default: ${DEFAULT-VALUE}.")
  private List<Integer> batches = new ArrayList<>();

  @Option(
      names = "--op",
      split = ",",
      paramLabel = "OP",
      defaultValue = "write,read",
      description = "write, read or both. Default: ${DEFAULT-VALUE}.")
  private List<Operation> operations = new ArrayList<>();

  @Option(
      names = "--seconds",
      paramLabel = "S",
      defaultValue = "3",
      description = "How long a row takes. Default: ${DEFAULT-VALUE}.")
  private double seconds;

  @Option(
      names = "--count",
      paramLabel = "N",
      description = "Batches of each thread in a row, instead of a time.")
  private @Nullable Long count;

  @Option(
      names = "--threads",
      paramLabel = "N",
      defaultValue = "1",
      description = "Threads that submit. Default: ${DEFAULT-VALUE}.")
  private int threads;

  @Option(
      names = "--lanes",
      paramLabel = "N",
      description = "Connections to the target at most. Default: MC_TCP_LANES_PER_PEER, or 4.")
  private @Nullable Integer lanes;

  @Option(
      names = "--protocol",
      paramLabel = "P",
      defaultValue = "tcp",
      description = "tcp; rdma is not built in yet.")
  private String protocol = "tcp";

  @Option(names = "--adjacent", description = "Blocks lie side by side and are coalesced.")
  private boolean adjacent;

  @Option(
      names = "--memory",
      paramLabel = "SIZE",
      converter = Units.SizeConverter.class,
      description =
          "Memory on each side; a batch that needs more uses places again. Default: 512M, or less"
              + " where memory is short.")
  private @Nullable Long memory;

  @Option(
      names = "--against",
      paramLabel = "WHAT",
      defaultValue = "auto",
      description =
          "iperf3: runs it before (--loopback only; 6 seconds); none; auto: iperf3 if it is"
              + " installed. Default: ${DEFAULT-VALUE}.")
  private Against against = Against.AUTO;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Writes the figures there, too, as {\"runs\": [...]}.")
  private @Nullable Path json;

  @Option(
      names = "--host",
      paramLabel = "HOST",
      description =
          "With --target and --initiator, this machine's name or address for the other. Default:"
              + " MC_LOCAL_SERVER_NAME, or this machine's address.")
  private @Nullable String host;

  @Option(
      names = "--control-port",
      paramLabel = "PORT",
      defaultValue = "0",
      description =
          "With --target, where initiators ask for memory; 0 takes a free one. It trusts whoever"
              + " connects.")
  private int controlPort;

  @Option(
      names = "--corrupt-for-test",
      hidden = true,
      description = "Spoils the target's memory before the comparison.")
  private boolean corrupt;

  @Mixin final HelpOption help = new HelpOption();

  /** What to compare with. */
  enum Against {
    AUTO,
    IPERF3,
    NONE
  }

  @Override
  public Integer call() {
    CommandEnvironment environment = CommandEnvironment.current();
    Screen screen = new Screen(environment);
    requireValid();
    if (target) {
      return serveTarget(screen, environment);
    }
    if (initiator != null) {
      return measureRemote(screen, environment, initiator);
    }
    try (TargetLink link = TargetProcess.start(environment);
        Engine engine = Engine.open(withLanes(Configs.loopback()))) {
      if (idleSeconds != null) {
        IdleBench.run(screen, engine, link, idleSeconds);
        return 0;
      }
      return measure(screen, engine, link, reference(screen, environment));
    }
  }

  private void requireValid() {
    int modes = (loopback || idleSeconds != null ? 1 : 0) + (target ? 1 : 0);
    modes += initiator != null ? 1 : 0;
    if (modes != 1) {
      throw CommandException.usage(
          "One of --loopback, --idle, --target and --initiator HOST:PORT is needed"
              + " (./te bench --help)");
    }
    if (protocol.equals("rdma")) {
      throw CommandException.lacks("--protocol rdma: it is not built in yet; use tcp");
    }
    if (!protocol.equals("tcp")) {
      throw CommandException.usage("--protocol " + protocol + ": it must be tcp");
    }
    batches.forEach(batch -> requireRange("--batch", batch, BATCH_LIMIT));
    requireRange("--threads", threads, THREADS_LIMIT);
    if (lanes != null) {
      requireRange("--lanes", lanes, LANES_LIMIT);
    }
    if (idleSeconds != null) {
      requireRange("--idle", idleSeconds, IDLE_SECONDS_LIMIT);
    }
    if (count != null && count < 1) {
      throw CommandException.usage("--count " + count + ": it must be 1 or more");
    }
    if (!(seconds > 0 && seconds <= SECONDS_LIMIT)) {
      throw CommandException.usage(
          "--seconds %s: it must be above 0, up to %.0f".formatted(seconds, SECONDS_LIMIT));
    }
    if (controlPort < 0 || controlPort > 65_535) {
      throw CommandException.usage("--control-port " + controlPort + ": it must be 0 to 65535");
    }
  }

  private static void requireRange(String option, int value, int most) {
    if (value < 1 || value > most) {
      throw CommandException.usage("%s %d: it must be 1 to %d".formatted(option, value, most));
    }
  }

  private EngineConfig withLanes(EngineConfig.Builder builder) {
    return (lanes == null ? builder : builder.tcpLanesPerPeer(lanes)).build();
  }

  private Integer serveTarget(Screen screen, CommandEnvironment environment) {
    String ourHost = ourHost(environment);
    EngineConfig config = withLanes(Configs.network(ourHost));
    return BenchTarget.serve(screen, config, ourHost, controlPort, memoryBytes(1));
  }

  private Integer measureRemote(Screen screen, CommandEnvironment environment, String where) {
    HostPort address;
    try {
      address = HostPort.parse(where);
    } catch (TransferException e) {
      throw CommandException.usage("--initiator: " + e.getMessage());
    }
    EngineConfig config = withLanes(Configs.network(ourHost(environment)));
    try (TargetLink link = BenchTarget.connect(address.host(), address.port(), CONNECT_LIMIT);
        Engine engine = Engine.open(config)) {
      return measure(screen, engine, link, Optional.empty());
    }
  }

  private String ourHost(CommandEnvironment environment) {
    if (host != null || environment.localServerName().isPresent()) {
      return host != null ? host : environment.localServerName().get();
    }
    try {
      InetAddress address = InetAddress.getLocalHost();
      if (!address.isLoopbackAddress()) {
        return address.getHostAddress();
      }
    } catch (UnknownHostException e) {
      // As useless as a loopback address.
    }
    throw CommandException.lacks(
        "This machine's name does not lead to an address for others: use --host");
  }

  private Integer measure(
      Screen screen, Engine engine, TargetLink link, Optional<Iperf.Result> reference) {
    engine.warmUp(link.segmentName());
    BenchPlan plan = plan(initiator == null ? 2 : 1);
    List<BenchResult> results = new ArrayList<>();
    List<BenchPlan.Row> rows = plan.rows();
    try (BenchRunner runner = new BenchRunner(engine, link, plan, corrupt);
        Progress progress = screen.progress("bench", rows.size())) {
      for (BenchPlan.Row row : rows) {
        results.add(runner.measure(row));
        progress.step(
            BenchResult.name(row.operation())
                + " "
                + Units.size(row.blockBytes())
                + " x "
                + row.batch());
      }
    }
    BenchReport report = new BenchReport(plan, protocol, results, reference);
    report.print(screen);
    if (json != null) {
      report.write(json);
    }
    boolean verified = results.stream().allMatch(result -> result.problem().isEmpty());
    return verified ? 0 : CommandException.FAILED;
  }

  private BenchPlan plan(int copies) {
    long memoryBytes = memoryBytes(copies);
    for (long size : sizes) {
      if (size > memoryBytes) {
        throw CommandException.usage(
            "--sizes %d: a block must fit into --memory, %d bytes".formatted(size, memoryBytes));
      }
    }
    return new BenchPlan(
        operations,
        sizes,
        batches,
        seconds,
        count == null ? 0 : count,
        threads,
        adjacent,
        memoryBytes);
  }

  private long memoryBytes(int copies) {
    long wanted = 512L << 20;
    return memory != null ? memory : Math.min(wanted, MachineMemory.sizeLimitBytes(copies, 1));
  }

  private Optional<Iperf.Result> reference(Screen screen, CommandEnvironment environment) {
    if (against == Against.NONE) {
      return Optional.empty();
    }
    Optional<Path> program = Iperf.find(environment.path());
    if (program.isEmpty()) {
      String remedy = "iperf3 is not installed (package iperf3)";
      if (against == Against.IPERF3) {
        throw CommandException.lacks("--against iperf3: " + remedy);
      }
      screen.line(remedy + ": no comparison.");
      return Optional.empty();
    }
    Optional<Iperf.Result> result = Iperf.run(program.get());
    screen.line(
        result
            .map(
                iperf ->
                    "iperf3, one stream, -l %s: %s GB/s, %s CPU s/GB"
                        .formatted(
                            iperf.length(),
                            Units.fixed(iperf.gbPerSecond(), 3),
                            Units.fixed(iperf.cpuSecondsPerGb(), 3)))
            .orElse("iperf3 is installed but did not run: no comparison."));
    return result;
  }
}
