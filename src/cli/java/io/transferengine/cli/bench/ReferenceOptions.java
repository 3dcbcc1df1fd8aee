// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.Ranges;
import io.transferengine.cli.console.Terminal;
import io.transferengine.cli.target.EngineSetup;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
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
          "Runs others in turns with ours (--loopback only), one or several with a comma: iperf3,"
              + " before each round, for 6 seconds; ib_write_bw, ib_read_bw, before each row of"
              + " that operation, between --device and --target-device; ib_write_lat, ib_read_lat"
              + " and ib_read_lat_events, which sleeps, before such a row of one block; nio, a bare ping-pong of"
              + " the same bytes in Java, before each row of one block; ucx_perftest, if it is"
              + " installed, and memcpy, by one thread, before each row; tcp, the same row over TCP,"
              + " with --protocol local; none; auto: iperf3 for tcp if it is installed. Default:"
              + " ${DEFAULT-VALUE}.")
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
    IB_WRITE_LAT,
    IB_READ_LAT,
    IB_READ_LAT_EVENTS,
    NIO,
    UCX_PERFTEST,
    MEMCPY,
    TCP,
    NONE;

    /** {@return whether it is a program of its own, and no word about such} */
    boolean isProgram() {
      return this != AUTO && this != NONE;
    }

    boolean tellsThroughputOnly() {
      return this == IPERF3 || this == IB_WRITE_BW || this == IB_READ_BW;
    }

    boolean isForRdma() {
      return switch (this) {
        case IB_WRITE_BW, IB_READ_BW, IB_WRITE_LAT, IB_READ_LAT, IB_READ_LAT_EVENTS -> true;
        case AUTO, IPERF3, NIO, UCX_PERFTEST, MEMCPY, TCP, NONE -> false;
      };
    }
  }

  void requireValid(boolean loopback, String protocol, boolean latency) {
    Ranges.require("--repeat", repeat, ROUNDS_LIMIT);
    if (against.size() > 1 && !against.stream().allMatch(Against::isProgram)) {
      throw CommandException.usage("--against: auto and none do not go together with others");
    }
    if (EnumSet.copyOf(against).size() < against.size()) {
      throw CommandException.usage("--against: one of them is there twice");
    }
    if (!loopback && against.stream().anyMatch(Against::isProgram)) {
      throw CommandException.usage("--against needs --loopback: it starts both sides");
    }
    for (Against program : against) {
      requireValid(program, protocol, latency);
    }
  }

  private static void requireValid(Against program, String protocol, boolean latency) {
    boolean rdma = protocol.equals(EngineSetup.RDMA);
    if (program.isForRdma() && !rdma) {
      throw CommandException.usage(
          "--against ib_write_bw, ib_read_bw, ib_write_lat and ib_read_lat need --protocol rdma");
    }
    if (program == Against.NIO && rdma) {
      throw CommandException.usage("--against nio needs --protocol tcp or local");
    }
    if (program == Against.UCX_PERFTEST && rdma) {
      throw CommandException.usage("--against ucx_perftest needs --protocol tcp or local");
    }
    if (program == Against.TCP && !protocol.equals(EngineSetup.LOCAL)) {
      throw CommandException.usage("--against tcp needs --protocol local");
    }
    if (latency && program.tellsThroughputOnly()) {
      throw CommandException.usage(
          "--latency: iperf3, ib_write_bw and ib_read_bw tell no latency of a block");
    }
  }

  /** {@return how many times the memory of a side is needed besides} */
  int copies() {
    return (against.contains(Against.MEMCPY) ? 1 : 0) + (against.contains(Against.TCP) ? 2 : 0);
  }

  int rounds() {
    return repeat;
  }

  /**
   * {@return the requested programs}
   *
   * @param latency whether no other figure is wanted
   * @param overTcp makes the one that is an engine of ours
   */
  List<Reference> open(
      Terminal terminal,
      CommandEnvironment environment,
      EngineSetup initiator,
      EngineSetup target,
      boolean latency,
      Supplier<Reference> overTcp) {
    List<Reference> references = new ArrayList<>();
    for (Against wanted : against) {
      switch (wanted) {
        case AUTO -> {
          if (!latency) {
            automatic(terminal, environment, initiator).ifPresent(references::add);
          }
        }
        case IPERF3 -> references.add(new Iperf(require(environment, Iperf.NAME, Iperf.NAME)));
        case IB_WRITE_BW ->
            references.add(new Perftest(perftest(environment, Perftest.WRITE, initiator, target)));
        case IB_READ_BW ->
            references.add(new Perftest(perftest(environment, Perftest.READ, initiator, target)));
        case IB_WRITE_LAT, IB_READ_LAT, IB_READ_LAT_EVENTS -> {
          String program =
              wanted == Against.IB_WRITE_LAT ? PerftestLatency.WRITE : PerftestLatency.READ;
          references.add(
              new PerftestLatency(
                  perftest(environment, program, initiator, target),
                  wanted == Against.IB_READ_LAT_EVENTS));
        }
        case NIO -> references.add(new PingPong(environment, target.host()));
        case UCX_PERFTEST -> ucxPerftest(terminal, environment, target).ifPresent(references::add);
        case MEMCPY -> references.add(new MemoryCopy());
        case TCP -> references.add(overTcp.get());
        case NONE -> {}
      }
    }
    return references;
  }

  private static Path require(CommandEnvironment environment, String program, String packageName) {
    return Reference.require(program, environment.path(), packageName);
  }

  private static PerftestRun perftest(
      CommandEnvironment environment, String program, EngineSetup initiator, EngineSetup target) {
    Path path = require(environment, program, "perftest");
    for (EngineSetup side : List.of(initiator, target)) {
      if (side.device().contains(",")) {
        throw CommandException.usage(
            "--device %s: %s takes one device".formatted(side.device(), program));
      }
    }
    return new PerftestRun(path, initiator, target);
  }

  private static Optional<Reference> ucxPerftest(
      Terminal terminal, CommandEnvironment environment, EngineSetup target) {
    Optional<Path> program = Reference.find(UcxPerftest.NAME, environment.path());
    if (program.isEmpty()) {
      terminal.line(
          "%s is not installed (package %s): left out."
              .formatted(UcxPerftest.NAME, UcxPerftest.PACKAGE));
    }
    return program.map(path -> new UcxPerftest(path, target));
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
