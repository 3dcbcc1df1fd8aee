// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.doctor;

import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.HelpOption;
import io.transferengine.cli.console.Table;
import io.transferengine.cli.console.Terminal;
import io.transferengine.diagnostics.EngineEnvironment;
import io.transferengine.diagnostics.GpuLibrary;
import io.transferengine.diagnostics.GpuLibrary.Gpu;
import io.transferengine.diagnostics.LocalDevices;
import io.transferengine.topology.RdmaDevice;
import io.transferengine.topology.Topology;
import io.transferengine.transfer.TransferException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Shows the RDMA devices, and the memory that each is near. */
@Command(
    name = "topology",
    description = {
      "Shows the RDMA devices of this machine, the GID that each would use and why, and the"
          + " priority matrix: for each kind of memory the preferred devices and the others. And"
          + " the NVIDIA GPUs, and which devices are near them.",
      "",
      "MC_TE_FILTERS, MC_CUSTOM_TOPO_JSON, MC_IB_PORT and MC_GID_INDEX apply as for an engine.",
      ""
    },
    footer = {
      "",
      "Exit status: 0 done, 1 a variable is wrong, 2 usage, 3 no device passes the filters."
    })
public final class TopologyCommand implements Callable<Integer> {
  @Mixin final HelpOption help = new HelpOption();

  @Option(
      names = "--json",
      description = "Prints only the matrix, as getLocalTopology returns it to programs.")
  private boolean json;

  @Option(
      names = "--device",
      paramLabel = "NAMES",
      description = "Only these devices, separated by commas. Default: all.")
  private String deviceNames = "";

  @Option(names = "--sys-root", hidden = true)
  private Path sysRoot = RdmaChecks.SYS;

  @Option(names = "--dev-root", hidden = true)
  private Path devRoot = RdmaChecks.DEV;

  @Override
  public Integer call() {
    CommandEnvironment surroundings = CommandEnvironment.current();
    Terminal terminal = new Terminal(surroundings);
    EngineEnvironment environment = EngineEnvironment.current();
    LocalDevices local = LocalDevices.find(sysRoot, devRoot, deviceNames, environment);
    boolean filtered = !deviceNames.isEmpty() || !environment.deviceFilters().isEmpty();
    if (local.devices().isEmpty() && filtered) {
      throw CommandException.lacks(
          "no device passes the filters: " + local.problem().orElse("none is left"));
    }
    if (json) {
      terminal.line(local.topology().toJson());
      return 0;
    }
    if (local.devices().isEmpty()) {
      terminal.line(
          "no RDMA devices in %s; %s"
              .formatted(sysRoot.resolve("class/infiniband"), surroundings.toType("doctor")));
    } else {
      printDevices(terminal, environment, local.devices());
    }
    List<Gpu> gpus = gpus();
    Topology topology = environment.hasCustomTopology() ? local.topology() : located(local, gpus);
    if (!gpus.isEmpty()) {
      terminal.line("");
      printGpus(terminal, topology, gpus);
    }
    if (!topology.matrix().isEmpty()) {
      terminal.line("");
      printMatrix(terminal, topology);
    }
    return 0;
  }

  /** Those that this process sees; without a driver those that sysfs shows, as the matrix. */
  private List<Gpu> gpus() {
    try {
      if (sysRoot.equals(RdmaChecks.SYS) && GpuLibrary.unavailabilityCause().isEmpty()) {
        return GpuLibrary.gpus();
      }
    } catch (TransferException e) {
      throw CommandException.failed(String.valueOf(e.getMessage()));
    }
    List<String> addresses = Topology.gpuAddresses(sysRoot);
    return IntStream.range(0, addresses.size())
        .mapToObj(i -> new Gpu(i, "no driver", addresses.get(i)))
        .toList();
  }

  private Topology located(LocalDevices local, List<Gpu> gpus) {
    Topology topology = local.topology();
    for (Gpu gpu : gpus) {
      topology = topology.withGpu(gpu.location(), gpu.pciAddress(), local.devices(), sysRoot);
    }
    return topology;
  }

  private static void printGpus(Terminal terminal, Topology topology, List<Gpu> gpus) {
    Table table = new Table().left("memory").left("GPU").left("PCI address").left("near");
    for (Gpu gpu : gpus) {
      boolean known = topology.matrix().containsKey(gpu.location());
      List<String> near =
          known ? topology.devicesFor(gpu.location()).preferred() : List.<String>of();
      table.row(List.of(gpu.location(), gpu.model(), gpu.pciAddress(), names(near)));
    }
    table.print(terminal);
  }

  private void printDevices(
      Terminal terminal, EngineEnvironment environment, List<RdmaDevice> devices) {
    Table table =
        new Table()
            .left("device")
            .right("NUMA")
            .right("port")
            .left("state")
            .left("GID")
            .left("why");
    for (RdmaDevice device : devices) {
      PortView view = PortView.of(device, sysRoot, environment);
      table.row(
          List.of(
              device.name(),
              view.node(),
              Integer.toString(view.port().number()),
              view.port().state(),
              view.gid(),
              view.why()));
    }
    table.print(terminal);
  }

  private static void printMatrix(Terminal terminal, Topology topology) {
    Table table = new Table().left("memory").left("preferred").left("available");
    topology
        .matrix()
        .forEach(
            (memory, devices) ->
                table.row(List.of(memory, names(devices.preferred()), names(devices.available()))));
    table.print(terminal);
  }

  private static String names(List<String> names) {
    return names.isEmpty() ? "-" : String.join(" ", names);
  }
}
