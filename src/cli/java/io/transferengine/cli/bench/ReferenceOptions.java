// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.Ranges;
import io.transferengine.cli.console.Terminal;
import io.transferengine.cli.target.EngineSetup;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Option;

/** The programs that take turns with ours, and how often. */
final class ReferenceOptions {
  private static final int ROUNDS_LIMIT = 1000;

  @Option(
      names = "--against",
      split = ",",
      paramLabel = "WHAT",
      defaultValue = "auto",
      description =
          "Runs another program in turns with ours (--loopback only): iperf3, before each round,"
              + " for 6 seconds; ib_write_bw, ib_read_bw or both with a comma, before each row of"
              + " that operation, between --device and --target-device; nio, a bare ping-pong of"
              + " the same bytes in Java, before each row of one block; none; auto: iperf3 for tcp"
              + " if it is installed. Default: ${DEFAULT-VALUE}.")
  private List<Against> against = new ArrayList<>();

  @Option(
      names = "--repeat",
      paramLabel = "N",
      defaultValue = "1",
      description =
          "Rounds over all rows; figures are the medians of all rounds. Default: ${DEFAULT-VALUE}.")
  private int repeat;

  /** The programs to compare with, by their names. */
  enum Against {
    AUTO,
    IPERF3,
    IB_WRITE_BW,
    IB_READ_BW,
    NIO,
    NONE
  }

  void requireValid(boolean loopback, String protocol) {
    Ranges.require("--repeat", repeat, ROUNDS_LIMIT);
    boolean perftest =
        against.contains(Against.IB_WRITE_BW) || against.contains(Against.IB_READ_BW);
    if (against.size() > 1
        && !List.of(Against.IB_WRITE_BW, Against.IB_READ_BW).containsAll(against)) {
      throw CommandException.usage("--against: only ib_write_bw and ib_read_bw go together");
    }
    if (perftest && !protocol.equals(EngineSetup.RDMA)) {
      throw CommandException.usage("--against ib_write_bw and ib_read_bw need --protocol rdma");
    }
    boolean pingPong = against.contains(Against.NIO);
    if (pingPong && protocol.equals(EngineSetup.RDMA)) {
      throw CommandException.usage("--against nio needs --protocol tcp");
    }
    if (!loopback && (perftest || pingPong || against.contains(Against.IPERF3))) {
      throw CommandException.usage("--against needs --loopback: it starts both sides");
    }
  }

  int rounds() {
    return repeat;
  }

  /** {@return the requested programs} */
  List<Reference> open(
      Terminal terminal,
      CommandEnvironment environment,
      EngineSetup initiator,
      EngineSetup target) {
    List<Reference> references = new ArrayList<>();
    for (Against wanted : against) {
      switch (wanted) {
        case AUTO -> automatic(terminal, environment, initiator).ifPresent(references::add);
        case IPERF3 -> references.add(new Iperf(require(environment, Iperf.NAME, Iperf.NAME)));
        case IB_WRITE_BW ->
            references.add(perftest(environment, Perftest.WRITE, initiator, target));
        case IB_READ_BW -> references.add(perftest(environment, Perftest.READ, initiator, target));
        case NIO -> references.add(new PingPong(environment, target.host()));
        case NONE -> {}
      }
    }
    return references;
  }

  private static Path require(CommandEnvironment environment, String program, String packageName) {
    return Reference.require(program, environment.path(), packageName);
  }

  private static Reference perftest(
      CommandEnvironment environment, String program, EngineSetup initiator, EngineSetup target) {
    Path path = require(environment, program, "perftest");
    for (EngineSetup side : List.of(initiator, target)) {
      if (side.device().contains(",")) {
        throw CommandException.usage(
            "--device %s: %s takes one device".formatted(side.device(), program));
      }
    }
    return new Perftest(path, initiator, target);
  }

  private static Optional<Reference> automatic(
      Terminal terminal, CommandEnvironment environment, EngineSetup initiator) {
    if (initiator.protocol().equals(EngineSetup.RDMA)) {
      return Optional.empty();
    }
    Optional<Path> program = Reference.find(Iperf.NAME, environment.path());
    if (program.isEmpty()) {
      terminal.line("iperf3 is not installed (package iperf3): no comparison.");
    }
    return program.map(Iperf::new);
  }
}
