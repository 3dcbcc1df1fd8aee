// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.metadata;

import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.HelpOption;
import io.transferengine.cli.console.Table;
import io.transferengine.cli.console.Terminal;
import io.transferengine.diagnostics.EngineEnvironment;
import io.transferengine.diagnostics.SegmentDirectory;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Lists who is registered in a metadata service. */
@Command(
    name = "segments",
    description = "Lists who is registered in a metadata service: etcd, redis or our own server.",
    footer = {
      "",
      "The age is that of the descriptor, by its owner's clock: since it was started, or last",
      "registered or unregistered memory. MC_METADATA_CLUSTER_ID and the options of the service",
      "(docs/CONFIGURATION.md) apply.",
      "Exit status: 0 listed, 1 the service does not answer, 2 it cannot list."
    })
public final class SegmentsCommand implements Callable<Integer> {
  @Mixin final HelpOption help = new HelpOption();

  @Option(
      names = "--metadata-server",
      paramLabel = "SERVER",
      defaultValue = "",
      description = "For example etcd://host:2379; default: MC_METADATA_SERVER.")
  private String server = "";

  @Override
  public Integer call() {
    EngineEnvironment environment = EngineEnvironment.current();
    String address = server.isEmpty() ? environment.metadataServer() : server;
    if (address.isEmpty()) {
      throw CommandException.usage(
          "no metadata server: give --metadata-server or set MC_METADATA_SERVER");
    }
    Terminal terminal = new Terminal(CommandEnvironment.current());
    try (SegmentDirectory directory = open(address, environment)) {
      print(terminal, directory.list().stream().map(SegmentRow::of).toList());
    } catch (TransferException e) {
      throw e.code() == ErrorCode.NOT_IMPLEMENTED || e.code() == ErrorCode.INVALID_ARGUMENT
          ? CommandException.usage(String.valueOf(e.getMessage()))
          : e;
    }
    return 0;
  }

  private static SegmentDirectory open(String address, EngineEnvironment environment) {
    return SegmentDirectory.open(address, environment)
        .orElseThrow(
            () ->
                CommandException.usage(
                    address + " has no list: peers ask each other, and no server knows them all"));
  }

  private static void print(Terminal terminal, List<SegmentRow> rows) {
    if (rows.isEmpty()) {
      terminal.line("no segment is registered");
      return;
    }
    Table table =
        new Table()
            .left("segment")
            .left("address")
            .left("protocol")
            .right("buffers")
            .right("bytes")
            .right("age")
            .left("reachable");
    rows.forEach(row -> table.row(row.cells()));
    table.print(terminal);
  }
}
