// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.cli.CommandRun;
import io.transferengine.topology.FakeMachine;
import io.transferengine.topology.Topology;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class TopologyCommandTest {
  @TempDir Path root;
  private FakeMachine machine;

  @BeforeEach
  void emptyMachine() {
    machine = new FakeMachine(root).nodes(0, 1);
  }

  private void twoNics() {
    machine.nic("mlx5_0", 0, "pci0000:00/0000:00:01.0");
    machine.nic("mlx5_1", 1, "pci0000:80/0000:80:01.0");
  }

  private CommandRun run(Map<String, String> environment, String... arguments)
      throws IOException, InterruptedException {
    List<String> line = new ArrayList<>(List.of("topology"));
    line.addAll(List.of("--sys-root", machine.sys().toString()));
    line.addAll(List.of("--dev-root", machine.dev().toString()));
    line.addAll(List.of(arguments));
    ProcessBuilder builder = CommandRun.builder(line.toArray(String[]::new));
    builder.environment().keySet().removeIf(name -> name.matches("(MC|TE|NCCL)_.*"));
    builder.environment().putAll(environment);
    return CommandRun.wait(builder.start());
  }

  @Test
  void showsDevicesAndMatrix() throws Exception {
    twoNics();
    machine.port("mlx5_1", 1, "1: DOWN", "Ethernet");

    CommandRun run = run(Map.of());

    assertThat(run.status()).as("%s", run).isZero();
    assertThat(run.output())
        .containsPattern(
            "mlx5_0 +0 +1 +ACTIVE +0 ::ffff:10\\.99\\.0\\.0 \\(RoCE v2, eth0\\) +a private IPv4")
        .containsPattern("mlx5_1 +1 +1 +DOWN .*no port is ACTIVE")
        .containsPattern("cpu:0 +mlx5_0 +-\n")
        .containsPattern("cpu:1 +- +mlx5_0\n");
  }

  @Test
  void jsonIsTheMatrixAndNothingElse() throws Exception {
    twoNics();

    CommandRun run = run(Map.of(), "--json");

    assertThat(run.status()).as("%s", run).isZero();
    assertThat(run.output())
        .isEqualTo(
            "{\"cpu:0\":[[\"mlx5_0\"],[\"mlx5_1\"]],\"cpu:1\":[[\"mlx5_1\"],[\"mlx5_0\"]]}\n")
        .isEqualTo(Topology.discovered(machine.discover(), machine.sys()).toJson() + "\n");
  }

  @Test
  void withoutDevicesItSaysSo() throws Exception {
    assertThat(run(Map.of()).output()).contains("no RDMA devices").contains("doctor");
    assertThat(run(Map.of(), "--json").output()).isEqualTo("{}\n");
  }

  @Test
  void devicesAreSelectedByOptionAndVariable() throws Exception {
    twoNics();

    assertThat(run(Map.of(), "--device", "mlx5_1", "--json").output())
        .isEqualTo("{\"cpu:0\":[[],[\"mlx5_1\"]],\"cpu:1\":[[\"mlx5_1\"],[]]}\n");
    assertThat(run(Map.of("MC_TE_FILTERS", "mlx5_0"), "--json").output())
        .isEqualTo("{\"cpu:0\":[[\"mlx5_0\"],[]],\"cpu:1\":[[],[\"mlx5_0\"]]}\n");
  }

  @Test
  void aDeviceThatIsNotThereIsNamedWithThoseThatAre() throws Exception {
    twoNics();

    CommandRun option = run(Map.of(), "--device", "mlx5_7");
    assertThat(option.status()).as("%s", option).isEqualTo(3);
    assertThat(option.error()).contains("mlx5_7", "mlx5_0,mlx5_1").hasLineCount(1);
    assertThat(option.output()).isEmpty();

    CommandRun variable = run(Map.of("MC_TE_FILTERS", "mlx5_7"), "--json");
    assertThat(variable.status()).as("%s", variable).isEqualTo(3);
    assertThat(variable.error()).contains("MC_TE_FILTERS", "mlx5_7", "mlx5_0,mlx5_1");
    assertThat(variable.output()).isEmpty();
  }

  @Test
  void anEmptyGidThatWasAskedForTakesTheDeviceOut() throws Exception {
    twoNics();
    machine.gid("mlx5_1", 1, 3, "fe80:0000:0000:0000:0000:00ff:fe00:0001", "RoCE v2", "eth1");

    CommandRun run = run(Map.of("MC_GID_INDEX", "3"));

    assertThat(run.output())
        .containsPattern("mlx5_0 .* none +MC_GID_INDEX is 3, which is an empty row")
        .containsPattern("mlx5_1 .* 3 fe80:\\S+ \\(RoCE v2, eth1\\) +MC_GID_INDEX is 3\n")
        .containsPattern("cpu:0 +- +mlx5_1\n");
  }

  @Test
  void gpusAreShownWithWhatIsNearThem() throws Exception {
    twoNics();
    machine.pciDevice("pci0000:80/0000:80:01.0/0000:83:00.0", 1, "0x10de", "0x030200");

    CommandRun run = run(Map.of());

    assertThat(run.output()).containsPattern("cuda:0 +no driver +0000:83:00\\.0 +mlx5_1\n");
  }

  @Test
  void aFileReplacesTheMatrix() throws Exception {
    twoNics();
    Path file = root.resolve("matrix.json");
    Files.writeString(file, "{ \"cpu:0\": [[\"mlx5_1\"], []] }");

    CommandRun run = run(Map.of("MC_CUSTOM_TOPO_JSON", file.toString()), "--json");

    assertThat(run.output()).isEqualTo("{\"cpu:0\":[[\"mlx5_1\"],[]]}\n");
  }

  @Test
  void ofAFileOnlyTheUsableDevicesCount() throws Exception {
    twoNics();
    machine.port("mlx5_0", 1, "1: DOWN", "Ethernet");
    Path file = root.resolve("matrix.json");
    Files.writeString(file, "{ \"cpu:0\": [[\"mlx5_0\", \"mlx5_1\"], [\"mlx5_7\"]] }");

    CommandRun run = run(Map.of("MC_CUSTOM_TOPO_JSON", file.toString()), "--json");

    assertThat(run.output()).isEqualTo("{\"cpu:0\":[[\"mlx5_1\"],[]]}\n");
  }
}
