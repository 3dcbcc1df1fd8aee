// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.HelpOption;
import io.transferengine.cli.console.Interruption;
import io.transferengine.cli.console.Progress;
import io.transferengine.cli.console.Ranges;
import io.transferengine.cli.console.Terminal;
import io.transferengine.cli.console.Units;
import io.transferengine.cli.target.EngineSetup;
import io.transferengine.cli.target.TargetLink;
import io.transferengine.cli.target.TargetProcess;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;

/** Measures transfers. */
@Command(
    name = "bench",
    sortOptions = false,
    description = {
      "Measures transfers between two processes: throughput, the latency of a batch, and the"
          + " processor time of both processes per GB (10^9 bytes); or the latency of single"
          + " blocks.",
      "",
      "Each thread submits a batch, waits for its end and submits it again. Blocks lie 4 KiB apart,"
          + " so that the engine cannot join several into one request (--adjacent allows it). Each"
          + " row warms up first; afterwards a sample of both sides' memory is compared.",
      "",
      "--preset moves KV caches of a model instead; --trace replays the requests of a trace.",
      ""
    },
    footer = {
      "",
      "Sizes: bytes, or 4K, 1M, 2G (powers of 1024). The engine's environment variables apply.",
      "Exit status: 0 measured and verified, 1 failed, 2 usage, 3 the machine lacks something."
    })
public final class BenchCommand implements Callable<Integer> {
  private static final int IDLE_SECONDS_LIMIT = 3600;
  private static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);

  @Option(names = "--loopback", description = "Runs both processes on this machine.")
  private boolean loopback;

  @Option(names = "--target", description = "Serves an initiator on another machine, until killed.")
  private boolean target;

  @Option(
      names = "--initiator",
      paramLabel = "HOST:PORT",
      description = "Measures against a --target, which prints this address.")
  private @Nullable String initiator;

  @Option(
      names = "--idle",
      arity = "0..1",
      fallbackValue = "10",
      paramLabel = "SECONDS",
      description =
          "Measures instead the cost of an idle engine with 10 open peers, for ${FALLBACK-VALUE}"
              + " seconds.")
  private @Nullable Integer idleSeconds;

  @Mixin private final WorkloadOptions workload = new WorkloadOptions();

  private static final List<String> INTERRUPTED =
      List.of("Interrupted: these rows were measured before.");

  @Spec private CommandSpec spec = CommandSpec.create();

  @Mixin private final NetworkOptions network = new NetworkOptions();

  @Mixin private final ReferenceOptions reference = new ReferenceOptions();

  @Mixin private final BusyLoops busy = new BusyLoops();

  @Mixin private final OutputOptions output = new OutputOptions();

  @Mixin final HelpOption help = new HelpOption();

  @Override
  public Integer call() {
    CommandEnvironment environment = CommandEnvironment.current();
    Terminal terminal = new Terminal(environment);
    requireValid();
    output.prepare();
    if (target) {
      EngineSetup side = network.onNetwork(environment);
      boolean here = BenchTarget.ofThisMachine(side.host()).isPresent();
      EngineConfig config = network.build(here ? side.onThisMachine() : side.onNetwork());
      // Each initiator gets its own engine; this one shows now what the machine lacks.
      EngineSetup.open(config).close();
      return BenchTarget.serve(
          terminal, config, side.host(), network.controlPort(), workload.memoryBytes(1));
    }
    if (initiator != null) {
      return measureRemote(terminal, environment, initiator);
    }
    EngineSetup ours = network.initiator();
    // Our engine first, so that only one process says what the machine lacks.
    try (Engine engine = EngineSetup.open(network.measuring(ours.onThisMachine()));
        TargetLink link = TargetProcess.start(environment, network.target())) {
      if (idleSeconds != null) {
        IdleBench.run(terminal, engine, link, idleSeconds);
        return 0;
      }
      List<Reference> references =
          reference.open(
              terminal,
              environment,
              ours,
              network.target(),
              workload.latency(),
              () -> overTcp(environment));
      try (BusyLoops.Running loops = busy.start(environment)) {
        return measure(terminal, engine, link, references, loops);
      } finally {
        references.forEach(Reference::close);
      }
    }
  }

  private Reference overTcp(CommandEnvironment environment) {
    Engine engine = EngineSetup.open(network.build(network.initiator().overTcp().onThisMachine()));
    TargetLink link;
    try {
      link = TargetProcess.start(environment, network.target().overTcp());
    } catch (Throwable t) {
      engine.close();
      throw t;
    }
    return OverTcp.open(
        engine,
        link,
        workload.pace(),
        (ours, target, loop) -> workload.open(ours, target, loop, 2 + reference.copies()));
  }

  private void requireValid() {
    int modes = (loopback || idleSeconds != null ? 1 : 0) + (target ? 1 : 0);
    modes += initiator != null ? 1 : 0;
    if (modes != 1) {
      throw CommandException.usage(
          "One of --loopback, --idle, --target and --initiator HOST:PORT is needed"
              + " ("
              + CommandEnvironment.current().toType("bench --help")
              + ")");
    }
    requireGridForItsOptions();
    boolean here = !target && initiator == null;
    network.requireValid(here, target);
    workload.requireValid(here);
    busy.requireValid(loopback);
    reference.requireValid(here, network.protocol(), workload.latency());
    if (idleSeconds != null) {
      Ranges.require("--idle", idleSeconds, IDLE_SECONDS_LIMIT);
    }
  }

  /** Options that would be ignored are refused. */
  private void requireGridForItsOptions() {
    ParseResult given = spec.commandLine().getParseResult();
    if (workload.latency()) {
      for (String option : List.of("--batch", "--threads", "--adjacent", "--preset", "--trace")) {
        if (given.hasMatchedOption(option)) {
          throw CommandException.usage(
              option + " does not go with --latency: that is one block at a time by one thread");
        }
      }
    }
    if (!given.hasMatchedOption("--preset") && !given.hasMatchedOption("--trace")) {
      return;
    }
    for (String option : List.of("--sizes", "--batch", "--adjacent")) {
      if (given.hasMatchedOption(option)) {
        throw CommandException.usage(
            option + " is for the grid: a preset and a trace have their own blocks");
      }
    }
  }

  private Integer measureRemote(Terminal terminal, CommandEnvironment environment, String where) {
    HostPort address;
    try {
      address = HostPort.parse(where);
    } catch (TransferException e) {
      throw CommandException.usage("--initiator: " + e.getMessage());
    }
    EngineConfig config = network.measuring(network.onNetwork(environment).onNetwork());
    try (TargetLink link = BenchTarget.connect(address.host(), address.port(), CONNECT_LIMIT);
        Engine engine = EngineSetup.open(config);
        BusyLoops.Running none = busy.start(environment)) {
      return measure(terminal, engine, link, List.of(), none);
    }
  }

  private Integer measure(
      Terminal terminal,
      Engine engine,
      TargetLink link,
      List<Reference> references,
      BusyLoops.Running loops) {
    engine.warmUp(link.segmentName());
    int rounds = reference.rounds();
    BenchReport report = new BenchReport(terminal, rounds, references, workload.latency());
    List<BenchSummary> rows;
    try (BenchLoop loop = new BenchLoop(engine, link, workload.pace());
        BenchWorkload measured =
            workload.open(engine, link, loop, (initiator == null ? 2 : 1) + reference.copies())) {
      List<BenchCase> cases = measured.cases();
      BenchRounds measuring = new BenchRounds(references, rounds, cases);
      Circumstances circumstances =
          Circumstances.now(
              CommandEnvironment.current(), spec.commandLine().getParseResult().originalArgs());
      try (Interruption _ =
          Interruption.handle(
              () -> tell(terminal, report, measuring.soFar(), INTERRUPTED, circumstances))) {
        try (Progress progress = terminal.progress("bench", (long) rounds * cases.size())) {
          rows =
              measuring.run(
                  progress,
                  row -> {
                    // The table says that they ran.
                    loops.requireAll();
                    report.row(row);
                  });
        }
        // Afterwards, since a replay describes how it went.
        tell(
            terminal,
            report,
            rows,
            explanations(measured, references, circumstances),
            circumstances);
      }
    }
    boolean verified = rows.stream().allMatch(row -> row.problem().isEmpty());
    return verified ? 0 : CommandException.FAILED;
  }

  private List<String> explanations(
      BenchWorkload measured, List<Reference> references, Circumstances circumstances) {
    List<String> explanations = new ArrayList<>();
    if (workload.latency()) {
      explanations.add(
          "Percentiles in microseconds, of one block at a time; "
              + (workload.rate().isPresent()
                  ? "a block's time counts from when it was due, at %s a second."
                      .formatted(Units.fixed(workload.rate().getAsDouble(), 0))
                  : "the next is submitted when the last has ended."));
    } else {
      explanations.add(
          "GB = 10^9 bytes; times are of one batch; CPU is of both processes; heap is what the"
              + " initiator allocates.");
    }
    explanations.add("Here " + measured.explanation() + ".");
    if (!workload.places().isHost()) {
      explanations.add("Memory: " + workload.places() + ".");
    }
    references.forEach(program -> explanations.add("Reference: " + program.explanation() + "."));
    busy.explanation().ifPresent(explanations::add);
    circumstances.warning().ifPresent(explanations::add);
    return explanations;
  }

  /** Runs once: at the end, or on a signal. */
  private void tell(
      Terminal terminal,
      BenchReport report,
      List<BenchSummary> rows,
      List<String> explanations,
      Circumstances circumstances) {
    if (report.end(rows, explanations)) {
      output.write(terminal, rows, network.protocol(), workload.threads(), circumstances);
    }
  }
}
