// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.HelpOption;
import io.transferengine.cli.console.Interruption;
import io.transferengine.cli.console.Progress;
import io.transferengine.cli.console.Ranges;
import io.transferengine.cli.console.Terminal;
import io.transferengine.cli.console.Units;
import io.transferengine.cli.target.EngineSetup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Shows that nothing is lost, late or foreign under faults, for as long as somebody wants. */
@Command(
    name = "soak",
    description = {
      "Moves random blocks between processes on this machine, while one random fault after another"
          + " strikes their connections or the processes: resets, stalls, changed bytes, SIGSTOP,"
          + " SIGKILL, no more descriptors or threads. Knows what every byte of all memory"
          + " has to be, and checks it after each fault. Then what did not complete is done once"
          + " more, which has to work.",
      "",
      "It ends at the first byte that is lost, late or foreign, transfer that does not end 1 s"
          + " after its deadline (over RDMA 4 s) though the machine had time for it, and"
          + " descriptor, thread, registration or memory that is not given back.",
      ""
    },
    footer = {
      "",
      "A failure names the seed and the configuration that replay it. What happens follows from the"
          + " seed, and from what can be taken from processes here; when, from the machine.",
      "",
      "Exit status: 0 nothing found, 1 something is wrong, 2 usage, 3 the machine lacks something."
    })
public final class SoakCommand implements Callable<Integer> {
  private static final double MINUTES_LIMIT = 60 * 24 * 30;
  private static final int GROUPS_LIMIT = 64;
  private static final int MEMBERS_LIMIT = 16;
  private static final int LEAST_MEMBERS = 2;
  private static final double SECONDS_PER_MINUTE = 60;

  /** Without a terminal, between two lines. */
  private static final int LINE_SECONDS = 30;

  @Mixin final HelpOption help = new HelpOption();

  @Option(
      names = "--minutes",
      paramLabel = "N",
      defaultValue = "5",
      description = "How long. Default: ${DEFAULT-VALUE}.")
  private double minutes;

  @Option(
      names = "--faults",
      paramLabel = "N",
      description = "Ends sooner, after this many faults.")
  private @Nullable Long faults;

  @Option(
      names = "--protocol",
      paramLabel = "P",
      defaultValue = EngineSetup.TCP,
      description =
          "tcp, rdma or local. Over rdma faults strike handshakes, processes and --links; use ./te"
              + " soft-roce on a machine without devices. With local, which is copies on one"
              + " machine, they strike handshakes and processes, and memory is taken back in the"
              + " middle of copies. Default: ${DEFAULT-VALUE}.")
  private String protocol = EngineSetup.TCP;

  @Option(
      names = "--seed",
      paramLabel = "S",
      description = "Replays a run, or a failure. Default: a random one.")
  private @Nullable Long seed;

  @Option(
      names = "--config",
      paramLabel = "NAME",
      description =
          "Only this configuration of the engines: ${COMPLETION-CANDIDATES}. Default: all that suit"
              + " the protocol, in turns.")
  private @Nullable Variant variant;

  @Option(names = "--tls", description = "With TLS between the processes; it makes certificates.")
  private boolean tls;

  @Option(
      names = "--groups",
      paramLabel = "N",
      defaultValue = "2",
      description =
          "Groups of processes at once, each with faults of its own."
              + " Default: ${DEFAULT-VALUE}.")
  private int groups;

  @Option(
      names = "--processes",
      paramLabel = "N",
      defaultValue = "3",
      description = "Processes of a group. Default: ${DEFAULT-VALUE}.")
  private int members;

  @Option(
      names = "--links",
      paramLabel = "IF",
      split = ",",
      description =
          "With --protocol rdma: network interfaces under RDMA devices, which it takes down for a"
              + " while and up again (ip link set). For root, in a guest: ./te soft-roce has veth0"
              + " and so on. Default: none.")
  private List<String> links = List.of();

  @Option(
      names = "--full-heaps",
      description =
          "Also fills the heap of a process for a while. The JDK may not survive that: threads of"
              + " its own end, by which it wakes others and speaks HTTP.")
  private boolean fullHeaps;

  @Option(
      names = "--spoil-for-test",
      hidden = true,
      description = "Changes a byte of each process's memory.")
  private boolean spoil;

  @Override
  public Integer call() throws InterruptedException {
    requireValid();
    CommandEnvironment environment = CommandEnvironment.current();
    Terminal terminal = new Terminal(environment);
    long first = seed != null ? seed : ThreadLocalRandom.current().nextInt(Integer.MAX_VALUE);
    terminal.line(
        "%s%s, %d groups of %d processes, --seed=%d"
            .formatted(protocol, tls ? " with TLS" : "", groups, members, first));
    Soak.Options options =
        new Soak.Options(
            environment,
            protocol,
            Configuration.of(variants(first).stream(), tls),
            groups,
            members,
            first,
            links,
            fullHeaps,
            spoil);
    try (Soak soak = new Soak(options)) {
      return run(soak, environment, terminal);
    }
  }

  private static void interrupted(Soak soak, Terminal terminal) {
    try {
      terminal.line(soak.figures().toString());
    } finally {
      soak.abandon();
    }
  }

  private int run(Soak soak, CommandEnvironment environment, Terminal terminal)
      throws InterruptedException {
    long seconds = Math.max(1, Math.round(minutes * SECONDS_PER_MINUTE));
    try (Interruption _ = Interruption.handle(() -> interrupted(soak, terminal));
        Progress progress = terminal.progress("soak", seconds)) {
      soak.start();
      follow(soak, terminal, progress, seconds);
    }
    soak.end();
    terminal.line(soak.figures().toString());
    if (soak.failure().isPresent()) {
      throw failed(environment, terminal, soak.failure().get());
    }
    if (soak.figures().rounds() == 0) {
      throw CommandException.failed(
          "Nothing was tried: the processes were not ready in that time. Give --minutes more.");
    }
    terminal.line("All have ended; no byte was lost, late or foreign; nothing has grown.");
    return 0;
  }

  private void requireValid() {
    if (!List.of(EngineSetup.TCP, EngineSetup.RDMA, EngineSetup.LOCAL).contains(protocol)) {
      throw CommandException.usage("--protocol " + protocol + ": it must be tcp, rdma or local");
    }
    if (tls && protocol.equals(EngineSetup.LOCAL)) {
      throw CommandException.usage(
          "--tls --protocol local: an engine with TLS does not copy on one machine");
    }
    if (!(minutes > 0 && minutes <= MINUTES_LIMIT)) {
      throw CommandException.usage(
          "--minutes %s: it must be above 0 and at most %.0f"
              .formatted(Units.shortest(minutes), MINUTES_LIMIT));
    }
    if (!links.isEmpty() && !protocol.equals(EngineSetup.RDMA)) {
      throw CommandException.usage("--links: links are cut with --protocol rdma only");
    }
    for (String link : links) {
      if (link.isEmpty() || !Files.exists(Path.of("/sys/class/net").resolve(link))) {
        throw CommandException.usage(
            "--links %s: this machine has no network interface '%s' (ip link)"
                .formatted(String.join(",", links), link));
      }
    }
    if (faults != null && faults < 1) {
      throw CommandException.usage("--faults %d: it must be above 0".formatted(faults));
    }
    Ranges.require("--groups", groups, GROUPS_LIMIT);
    Ranges.require("--processes", members, MEMBERS_LIMIT);
    if (members < LEAST_MEMBERS) {
      throw CommandException.usage("--processes %d: a group needs two".formatted(members));
    }
    if (tls && variant == Variant.VERSION1) {
      throw CommandException.usage("--tls --config version1: peers of version 1 have no TLS");
    }
    if (variant != null && !variant.suits(protocol)) {
      throw CommandException.usage("--config %s: it is not for %s".formatted(variant, protocol));
    }
  }

  private List<Variant> variants(long first) {
    if (variant != null) {
      return List.of(variant);
    }
    List<Variant> all =
        Arrays.stream(Variant.values())
            .filter(candidate -> candidate.suits(protocol))
            .collect(Collectors.toList());
    Collections.rotate(all, (int) (first % all.size()));
    return all;
  }

  private void follow(Soak soak, Terminal terminal, Progress progress, long seconds)
      throws InterruptedException {
    for (long second = 1; second <= seconds; second++) {
      if (soak.await(Duration.ofSeconds(1))) {
        return;
      }
      progress.step(Units.count(soak.figures().faults()) + " faults");
      if (second % LINE_SECONDS == 0) {
        terminal.line("%3d:%02d  %s".formatted(second / 60, second % 60, soak.figures()));
      }
      if (faults != null && soak.figures().faults() >= faults) {
        return;
      }
    }
  }

  private CommandException failed(
      CommandEnvironment environment, Terminal terminal, Soak.Failure failure) {
    terminal.line(String.valueOf(failure.cause().getMessage()));
    if (failure.cause() instanceof CommandException own) {
      return own;
    }
    return CommandException.failed(
        "Something is wrong, see above. Replay: "
            + environment.toType(
                "soak --protocol=%s --config=%s%s%s%s --groups=1 --processes=%d --seed=%d"
                    .formatted(
                        protocol,
                        failure.configuration().variant().name().toLowerCase(Locale.ROOT),
                        tls ? " --tls" : "",
                        links.isEmpty() ? "" : " --links=" + String.join(",", links),
                        fullHeaps ? " --full-heaps" : "",
                        members,
                        failure.seed())));
  }
}
