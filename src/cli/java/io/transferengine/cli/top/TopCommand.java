// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.top;

import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.HelpOption;
import io.transferengine.cli.console.Table;
import io.transferengine.cli.console.Terminal;
import io.transferengine.diagnostics.EngineCounters;
import io.transferengine.topology.RailCounters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows what the engines of this machine do. */
@Command(
    name = "top",
    description = {
      "Shows what the engines of this machine do: rates, latencies, lanes, memory, failures,"
          + " peers, and what the kernel counts at the machine's RDMA ports.",
      "",
      "It reads the files that engines write once a second (TE_COUNTERS), and takes nothing of"
          + " their processes: the last figures of a process that hangs or was killed are there,"
          + " too.",
      ""
    },
    footer = {
      "",
      "Keys: s sorts by rate, failures or name; n and p choose the engine that is shown in full;",
      "q ends it. K, M and G of bytes are powers of 1024. Latencies are upper bounds of buckets.",
      "Exit status: 0 shown, 1 nothing to show or unreadable, 2 usage."
    })
public final class TopCommand implements Callable<Integer> {
  private static final int SECONDS_MAX = 3600;

  /** An engine in which nothing happens writes every five seconds. */
  private static final int LOOKS_MAX = 7;

  /** Where there is no terminal. */
  private static final int PLAIN_WIDTH = 100;

  private static final int PLAIN_HEIGHT = 1000;

  @Mixin final HelpOption help = new HelpOption();

  @Parameters(
      paramLabel = "ENGINE",
      arity = "0..1",
      defaultValue = "",
      description = "The number of a process, the name of an engine, or a file. Default: all.")
  private String engine = "";

  @Option(
      names = "--folder",
      paramLabel = "FOLDER",
      defaultValue = "",
      description =
          "Where the files are. Default: /tmp/transfer-engine-UID; for root those of all users.")
  private String folder = "";

  @Option(
      names = "--once",
      description = "Looks until each engine has written again, 1 to 5 s, prints, and ends.")
  private boolean once;

  @Option(
      names = "--json",
      description = "Prints JSON, a line for each look; with --once, one line.")
  private boolean json;

  @Option(
      names = "--plain",
      description =
          "Prints one screen below the other, without keys; so it does without a terminal.")
  private boolean plain;

  @Option(
      names = "--sort",
      paramLabel = "ORDER",
      defaultValue = "RATE",
      description = "By ${COMPLETION-CANDIDATES}, in any case. Default: RATE.")
  private Order order = Order.RATE;

  @Option(
      names = "--interval",
      paramLabel = "SECONDS",
      defaultValue = "1",
      description = "How often to look, 1 to 3600. Default: 1.")
  private int interval = 1;

  @Option(names = "--sys-root", hidden = true)
  private Path sysRoot = Path.of("/sys");

  private final Rail.Looks rails = new Rail.Looks(() -> RailCounters.find(sysRoot));

  /** Until somebody chooses, the first one is shown, whichever that is. */
  private Optional<Path> chosen = Optional.empty();

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (interval < 1 || interval > SECONDS_MAX) {
      throw CommandException.usage("--interval must be 1 to " + SECONDS_MAX);
    }
    Terminal terminal = new Terminal(CommandEnvironment.current());
    Sampler sampler = sampler();
    if (once) {
      return once(terminal, sampler);
    }
    boolean isShown = !json && !plain && terminal.isInteractive();
    Optional<Screen> screen = isShown ? Screen.open() : Optional.empty();
    if (screen.isEmpty()) {
      repeat(terminal, sampler);
    } else {
      try (Screen open = screen.get()) {
        live(open, sampler);
      }
    }
    return 0;
  }

  private Sampler sampler() {
    if (engine.indexOf('/') >= 0) {
      Path file = Path.of(engine);
      if (!Files.exists(file)) {
        throw CommandException.failed("there is no file " + file);
      }
      return new Sampler(() -> List.of(file), any -> true);
    }
    Sampler.Files files =
        folder.isEmpty() ? EngineCounters::files : () -> EngineCounters.files(Path.of(folder));
    Predicate<EngineCounters> wanted =
        each ->
            engine.isEmpty()
                || engine.equals(Integer.toString(each.pid()))
                || engine.equals(each.segmentName());
    return new Sampler(files, wanted);
  }

  private int once(Terminal terminal, Sampler sampler) throws IOException, InterruptedException {
    List<Sample> samples = sampler.look();
    List<Rail> ports = rails.look();
    for (int looks = 0;
        looks < LOOKS_MAX && samples.stream().anyMatch(TopCommand::isAwaited);
        looks++) {
      TimeUnit.SECONDS.sleep(1);
      samples = sampler.look();
      ports = rails.look();
    }
    if (samples.isEmpty() && !sampler.problems().isEmpty()) {
      throw CommandException.failed(String.join("; ", sampler.problems()));
    }
    if (samples.isEmpty() && !json) {
      throw CommandException.failed(nothing());
    }
    print(terminal, sampler, samples, ports);
    return samples.isEmpty() || !sampler.problems().isEmpty() ? CommandException.FAILED : 0;
  }

  /** Whether it will write again, and its rates are not known without that. */
  private static boolean isAwaited(Sample sample) {
    return sample.before().isEmpty() && sample.isFresh(Instant.now());
  }

  private String nothing() {
    return engine.isEmpty()
        ? "no engine has a file of figures here; is TE_COUNTERS off, or is it another user's?"
        : "there is no engine '%s' here; without a name, all are shown".formatted(engine);
  }

  private void repeat(Terminal terminal, Sampler sampler) throws IOException, InterruptedException {
    // Until whoever reads it has enough, as head has, or a signal comes.
    while (!System.out.checkError()) {
      print(terminal, sampler, sampler.look(), rails.look());
      TimeUnit.SECONDS.sleep(interval);
    }
  }

  private void print(Terminal terminal, Sampler sampler, List<Sample> samples, List<Rail> ports)
      throws IOException {
    Instant now = Instant.now();
    if (json) {
      terminal.line(TopJson.of(samples, ports, sampler.problems(), now));
      return;
    }
    int width = terminal.width() == Integer.MAX_VALUE ? PLAIN_WIDTH : terminal.width();
    lines(new TopView(width, PLAIN_HEIGHT, order, chosen, now), sampler, samples, ports)
        .forEach(terminal::line);
    if (!once) {
      terminal.line("");
    }
  }

  private List<String> lines(
      TopView view, Sampler sampler, List<Sample> samples, List<Rail> ports) {
    List<String> lines =
        new ArrayList<>(
            view.lines(samples, ports, sampler.problems().stream().map(Table::printable).toList()));
    if (samples.isEmpty()) {
      lines.add(Brief.cut(nothing(), view.width()));
    }
    return lines;
  }

  private void live(Screen screen, Sampler sampler) throws IOException {
    long nextNanos = System.nanoTime();
    List<Sample> samples = List.of();
    List<Rail> ports = List.of();
    while (true) {
      long now = System.nanoTime();
      if (now - nextNanos >= 0) {
        samples = sampler.look();
        ports = rails.look();
        nextNanos = now + TimeUnit.SECONDS.toNanos(interval);
      }
      Screen.Size size = screen.size();
      TopView view =
          new TopView(size.width(), Math.max(1, size.height() - 1), order, chosen, Instant.now());
      List<String> lines = lines(view, sampler, samples, ports);
      while (lines.size() < size.height() - 1) {
        lines.add("");
      }
      lines.add(Brief.cut("s sort  n next engine  p previous  q quit", size.width()));
      screen.show(lines.subList(0, Math.min(lines.size(), size.height())));
      switch (screen.key(Math.max(0, nextNanos - System.nanoTime()))) {
        case 's', 'S' -> order = order.next();
        case 'n', 'N', '\t' -> chosen = view.beside(samples, 1);
        case 'p', 'P' -> chosen = view.beside(samples, -1);
        case 'q', 'Q', Screen.END -> {
          return;
        }
        default -> {}
      }
    }
  }
}
