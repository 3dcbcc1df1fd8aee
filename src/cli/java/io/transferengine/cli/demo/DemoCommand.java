// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.demo;

import io.transferengine.Engine;
import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.HelpOption;
import io.transferengine.cli.console.MachineMemory;
import io.transferengine.cli.console.Progress;
import io.transferengine.cli.console.Table;
import io.transferengine.cli.console.Terminal;
import io.transferengine.cli.console.Units;
import io.transferengine.cli.target.BlockShape;
import io.transferengine.cli.target.Configs;
import io.transferengine.cli.target.EngineSetup;
import io.transferengine.cli.target.MemoryPlace;
import io.transferengine.cli.target.TargetLink;
import io.transferengine.cli.target.TargetProcess;
import io.transferengine.diagnostics.GpuLibrary;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Shows in seconds that the engine moves bytes between two processes without a change. */
@Command(
    name = "demo",
    description = {
      "Starts a second process, writes real data into its memory over TCP, reads it back into other"
          + " memory, and compares SHA-256 in both processes. Then the same again without a"
          + " network: the initiator copies. No server is needed. Where there is a GPU, it moves"
          + " the same between memory of it, too.",
      "",
      "It moves a file, by default the JDK's own lib/modules, in one block, and the KV cache of one"
          + " request to Llama-3-70B in bfloat16 on one of 8 GPUs (TP8): 80 layers with a key and a"
          + " value pool each make 160 regions; a page holds 16 tokens in 4 KiB; 432 pages are"
          + " 6,912 tokens. The pages lie scattered in their pools, differently on both sides.",
      ""
    },
    footer = {
      "",
      "Exit status: 0 all verified, 1 a comparison failed, 2 usage, 3 the machine lacks something."
    })
public final class DemoCommand implements Callable<Integer> {
  /** 80 layers, keys and values. */
  private static final int LAYER_POOLS = 160;

  /** 16 tokens of one head, with 128 values of 2 bytes. */
  private static final int PAGE_BYTES = 4096;

  private static final int PAGES = 432;

  /** A pool has more pages than the request uses: 512 for 432. */
  private static final double POOL_SHARE = 432.0 / 512.0;

  private static final MemoryPlace GPU = new MemoryPlace(false, 0);

  /** Two on our side (the source, and the copy that is read back), one on the other. */
  private static final int COPIES = 3;

  private static final int COPIES_HERE = 2;

  @Mixin final HelpOption help = new HelpOption();

  @Option(
      names = "--file",
      paramLabel = "PATH",
      description = "The file to move. Default: lib/modules of the JDK.")
  private @Nullable Path file;

  @Option(
      names = "--file-bytes",
      paramLabel = "SIZE",
      converter = Units.SizeConverter.class,
      description = "Moves only this much of the file, from its start. Default: all of it.")
  private @Nullable Long fileBytes;

  @Option(
      names = "--pages",
      paramLabel = "N",
      defaultValue = "" + PAGES,
      description = "Pages in each of the 160 regions. Default: ${DEFAULT-VALUE}.")
  private int pages;

  @Option(
      names = "--corrupt-for-test",
      hidden = true,
      description = "Spoils a bit in the target's memory after each write.")
  private boolean corrupt;

  @Override
  public Integer call() {
    CommandEnvironment environment = CommandEnvironment.current();
    Terminal terminal = new Terminal(environment);
    List<DemoMove> moves = plan(terminal, environment);
    List<DemoRow> rows = new ArrayList<>();
    Optional<String> missing;
    Optional<String> gpu;
    long ways = GpuLibrary.unavailabilityCause().isPresent() ? 2 : 3;
    EngineSetup either = new EngineSetup(EngineSetup.EITHER, Configs.LOOPBACK, "");
    try (TargetLink target = TargetProcess.start(environment, either);
        Progress progress = terminal.progress("demo", ways * moves.size() * DemoMove.STEPS)) {
      move(LocalMode.OFF, "TCP", moves, target, progress, rows);
      gpu = moveOnGpu(moves, target, progress, rows);
      missing = tryCopying(target);
      if (missing.isEmpty()) {
        move(LocalMode.REQUIRED, "one copy", moves, target, progress, rows);
      }
    }
    gpu.ifPresent(terminal::paragraph);
    print(terminal, environment, rows, missing);
    return rows.stream().allMatch(DemoRow::verified) ? 0 : CommandException.FAILED;
  }

  private static Engine open(LocalMode local) {
    return Engine.open(Configs.loopback().local(local).build());
  }

  private void move(
      LocalMode local,
      String way,
      List<DemoMove> moves,
      TargetLink target,
      Progress progress,
      List<DemoRow> rows) {
    try (Engine engine = open(local)) {
      engine.warmUp(target.segmentName());
      for (DemoMove move : moves) {
        rows.addAll(move.run(engine, way, target, corrupt, progress));
      }
    }
  }

  /**
   * The same in memory of a GPU, if this machine has one.
   *
   * @return why it was not done, although there is one; empty if it was, or there is none
   */
  private Optional<String> moveOnGpu(
      List<DemoMove> moves, TargetLink target, Progress progress, List<DemoRow> rows) {
    if (GpuLibrary.unavailabilityCause().isPresent()) {
      return Optional.empty();
    }
    List<DemoMove> there = moves.stream().map(move -> move.in(GPU)).toList();
    try {
      move(LocalMode.OFF, "TCP, " + GPU, there, target, progress, rows);
      return Optional.empty();
    } catch (TransferException | CommandException e) {
      return Optional.of(GPU + " is left out: " + e.getMessage());
    }
  }

  /** {@return why the target's memory cannot be copied without a network; empty if it can} */
  private static Optional<String> tryCopying(TargetLink target) {
    DemoMove page = new DemoMove("a page", BlockShape.single(PAGE_BYTES), memory -> memory.fill(1));
    try (Engine engine = open(LocalMode.REQUIRED)) {
      return page.move(engine, target);
    } catch (TransferException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    }
  }

  private List<DemoMove> plan(Terminal terminal, CommandEnvironment environment) {
    Path source = file != null ? file : environment.javaHome().resolve("lib").resolve("modules");
    long wholeBytes = sizeOf(source);
    long wantedBytes = fileBytes == null ? wholeBytes : Math.min(fileBytes, wholeBytes);
    long limitBytes = MachineMemory.sizeLimitBytes(COPIES, COPIES_HERE);
    long movedBytes = Math.min(wantedBytes, limitBytes);
    if (movedBytes < wantedBytes) {
      terminal.line(
          "Only the first %s of %s: memory is short (%s)."
              .formatted(Units.size(movedBytes), source, environment.toType("doctor")));
    }
    return List.of(
        new DemoMove(
            file == null ? "lib/modules" : String.valueOf(source.getFileName()),
            BlockShape.single(movedBytes),
            memory -> memory.load(source)),
        new DemoMove(
            "KV pages",
            pagesThatFit(terminal, environment, limitBytes),
            memory -> memory.fill(DemoMove.CONTENT_SEED)));
  }

  private BlockShape pagesThatFit(
      Terminal terminal, CommandEnvironment environment, long limitBytes) {
    if (pages < 1 || pages > 1_000_000 / LAYER_POOLS) {
      throw CommandException.usage(
          "--pages %d: it must be 1 to %d".formatted(pages, 1_000_000 / LAYER_POOLS));
    }
    long poolPages = limitBytes / LAYER_POOLS / PAGE_BYTES;
    int fitting = Math.clamp((long) (poolPages * POOL_SHARE), 1, pages);
    if (fitting < pages) {
      terminal.line(
          "Only %d of %d KV pages a region: memory is short (%s)."
              .formatted(fitting, pages, environment.toType("doctor")));
    }
    int slots = (int) Math.ceil(fitting / POOL_SHARE);
    return new BlockShape(LAYER_POOLS, slots, fitting, PAGE_BYTES);
  }

  private long sizeOf(Path source) {
    try {
      if (!Files.isRegularFile(source) && file == null) {
        throw CommandException.lacks("This JDK has no " + source + ": name a file with --file");
      }
      if (!Files.isRegularFile(source)) {
        throw CommandException.usage("--file " + source + ": there is no such file");
      }
      long bytes = Files.size(source);
      if (bytes == 0) {
        throw CommandException.usage("--file " + source + ": it is empty");
      }
      return bytes;
    } catch (IOException e) {
      throw CommandException.failed(source + " cannot be read: " + e);
    }
  }

  private static void print(
      Terminal terminal,
      CommandEnvironment environment,
      List<DemoRow> rows,
      Optional<String> missing) {
    Table table =
        new Table()
            .left("what")
            .left("way")
            .left("op")
            .right("blocks")
            .right("bytes")
            .right("seconds")
            .right("GB/s")
            .left("SHA-256");
    rows.forEach(row -> table.row(row.cells()));
    table.print(terminal);
    rows.stream().map(DemoRow::problem).flatMap(Optional::stream).forEach(terminal::paragraph);
    if (!rows.stream().allMatch(DemoRow::verified)) {
      return;
    }
    terminal.line("");
    terminal.line("Both processes hold the same bytes. Each row is one transfer of JVMs that have");
    terminal.line("just started; what comes later finds more of them compiled. The KV pages are");
    terminal.line("those of a request to Llama-3-70B in bfloat16, on one of 8 GPUs (TP8).");
    if (missing.isPresent()) {
      terminal.paragraph("These two cannot copy each other's memory: " + missing.get());
    } else {
      terminal.line("\"One copy\" is what engines on one machine choose by themselves;");
      terminal.line("TE_LOCAL=off forbids it.");
    }
    String bench = environment.toType("bench --loopback");
    String doctor = environment.toType("doctor");
    String gap = " ".repeat(bench.length() - doctor.length());
    terminal.line("Next: " + bench + "   what it does warmed up, and what that costs");
    terminal.line("      " + doctor + gap + "   what this machine can do, and why not");
    if (environment.home().isPresent()) {
      terminal.line("      ./te jshell             an engine at a prompt");
    }
  }
}
