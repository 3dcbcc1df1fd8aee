// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The matrix that is put together from sysfs (protocol section 8). */
@Timeout(60)
final class DiscoveredTopologyTest {
  private static final String NVIDIA = "0x10de";
  private static final String CONTROLLER_3D = "0x030200";

  @TempDir Path root;
  private FakeMachine machine;

  /** Two nodes with two devices each; on node 0 each device sits below a switch of its own. */
  @BeforeEach
  void twoNodesFourDevices() {
    machine = new FakeMachine(root).nodes(0, 1);
    machine.nic("mlx5_0", 0, "pci0000:00/0000:00:01.0/0000:01:00.0/0000:02:00.0");
    machine.nic("mlx5_1", 0, "pci0000:00/0000:00:02.0/0000:11:00.0/0000:12:00.0");
    machine.nic("mlx5_2", 1, "pci0000:80/0000:80:01.0/0000:81:00.0");
    machine.nic("mlx5_3", 1, "pci0000:80/0000:80:02.0/0000:82:00.0");
  }

  private Topology topology() {
    return Topology.discovered(machine.discover(), machine.sys());
  }

  @Test
  void memoryOfANodePrefersItsDevices() {
    assertThat(topology().toJson())
        .isEqualTo(
            "{\"cpu:0\":[[\"mlx5_0\",\"mlx5_1\"],[\"mlx5_2\",\"mlx5_3\"]],"
                + "\"cpu:1\":[[\"mlx5_2\",\"mlx5_3\"],[\"mlx5_0\",\"mlx5_1\"]]}");
  }

  @Test
  void aGpuPrefersTheDevicesBelowItsSwitch() {
    machine.pciDevice(
        "pci0000:00/0000:00:02.0/0000:11:00.0/0000:13:00.0", 0, NVIDIA, CONTROLLER_3D);
    machine.pciDevice("pci0000:80/0000:80:03.0/0000:83:00.0", 1, NVIDIA, "0x030000");

    assertThat(topology().matrix().get("cuda:0"))
        .isEqualTo(new DevicePreference(List.of("mlx5_1"), List.of("mlx5_0", "mlx5_2", "mlx5_3")));
    assertThat(topology().matrix().get("cuda:1"))
        .as("both of its node are equally far")
        .isEqualTo(new DevicePreference(List.of("mlx5_2", "mlx5_3"), List.of("mlx5_0", "mlx5_1")));
    assertThat(topology().matrix()).hasSize(4);
  }

  @Test
  void aGpuWithoutNodeTakesTheNearestOfAll() {
    machine.pciDevice("pci0000:80/0000:80:02.0/0000:84:00.0", -1, NVIDIA, CONTROLLER_3D);

    assertThat(topology().matrix().get("cuda:0"))
        .isEqualTo(new DevicePreference(List.of("mlx5_3"), List.of("mlx5_0", "mlx5_1", "mlx5_2")));
  }

  @Test
  void aGpuOnANodeWithoutDevicesTakesTheNearestOfAll() {
    machine.nodes(2).pciDevice("pci0000:80/0000:80:01.0/0000:85:00.0", 2, NVIDIA, CONTROLLER_3D);

    assertThat(topology().devicesFor("cuda:0").preferred()).containsExactly("mlx5_2");
    assertThat(topology().matrix().get("cpu:2"))
        .isEqualTo(
            new DevicePreference(List.of(), List.of("mlx5_0", "mlx5_1", "mlx5_2", "mlx5_3")));
  }

  /** As for a process that sees one of two, by CUDA_VISIBLE_DEVICES. */
  @Test
  void aGpuIsWhereItsDriverSays() {
    machine.pciDevice("pci0000:00/0000:00:02.0/0000:11:00.0/0000:13:00.0", 0, NVIDIA, "0x030200");
    machine.pciDevice("pci0000:80/0000:80:02.0/0000:84:00.0", -1, NVIDIA, CONTROLLER_3D);
    assertThat(Topology.gpuAddresses(machine.sys()))
        .containsExactly("0000:13:00.0", "0000:84:00.0");

    Topology located =
        topology()
            .restrictedTo(Set.of("mlx5_0", "mlx5_1", "mlx5_3"))
            .withGpu("cuda:0", "0000:84:00.0", machine.discover(), machine.sys());

    assertThat(located.matrix().get("cuda:0"))
        .isEqualTo(new DevicePreference(List.of("mlx5_3"), List.of("mlx5_0", "mlx5_1")));
    assertThat(located.deviceNames()).isEqualTo(List.of("mlx5_0", "mlx5_1", "mlx5_3"));
    assertThat(topology().withGpu("cuda:0", "0000:99:00.0", machine.discover(), machine.sys()))
        .isEqualTo(topology());
    assertThat(Topology.none().withGpu("cuda:0", "0000:84:00.0", List.of(), machine.sys()))
        .isEqualTo(Topology.none());
  }

  @Test
  void gpusCountByTheirPciAddress() {
    machine.pciDevice("pci0000:80/0000:80:01.0/0000:86:00.0", 1, NVIDIA, CONTROLLER_3D);
    machine.pciDevice(
        "pci0000:00/0000:00:01.0/0000:01:00.0/0000:03:00.0", 0, NVIDIA, CONTROLLER_3D);

    assertThat(topology().devicesFor("cuda:0").preferred()).containsExactly("mlx5_0");
    assertThat(topology().devicesFor("cuda:1").preferred()).containsExactly("mlx5_2");
  }

  @Test
  void otherThingsOnTheBusAreNoGpus() {
    machine.pciDevice("pci0000:80/0000:80:04.0", 1, "0x1002", CONTROLLER_3D);
    machine.pciDevice("pci0000:80/0000:80:05.0", 1, NVIDIA, "0x040300");
    machine.pciDevice("pci0000:80/0000:80:06.0", 1, NVIDIA, "0xffffffffffffffff");
    machine.pciDevice("pci0000:80/0000:80:07.0", 1, "nvidia", CONTROLLER_3D);

    assertThat(topology().matrix()).containsOnlyKeys("cpu:0", "cpu:1");
  }

  @Test
  void unusableDevicesAreLeftOut() {
    machine.port("mlx5_0", 1, "1: DOWN", "Ethernet").port("mlx5_3", 1, "2: INIT", "Ethernet");

    assertThat(topology().toJson())
        .isEqualTo("{\"cpu:0\":[[\"mlx5_1\"],[\"mlx5_2\"]],\"cpu:1\":[[\"mlx5_2\"],[\"mlx5_1\"]]}");
  }

  @Test
  void withoutUsableDevicesThereIsNoMatrix() {
    machine.pciDevice("pci0000:80/0000:80:03.0", 1, NVIDIA, CONTROLLER_3D);

    assertThat(Topology.discovered(List.of(), machine.sys()).toJson()).isEqualTo("{}");
  }

  @Test
  void softwareOnAMachineWithoutNodesIsNearTheFirst(@TempDir Path other) {
    FakeMachine small = new FakeMachine(other).software("rxe0").software("rxe1");

    assertThat(Topology.discovered(small.discover(), small.sys()).toJson())
        .isEqualTo("{\"cpu:0\":[[\"rxe0\",\"rxe1\"],[]]}");
  }

  @Test
  void softwareBesideAGpuIsPreferredAsAWhole(@TempDir Path other) {
    FakeMachine small = new FakeMachine(other).nodes(0).software("rxe0").software("rxe1");
    small.pciDevice("pci0000:00/0000:00:03.0", 0, NVIDIA, CONTROLLER_3D);

    assertThat(Topology.discovered(small.discover(), small.sys()).matrix().get("cuda:0"))
        .isEqualTo(new DevicePreference(List.of("rxe0", "rxe1"), List.of()));
  }

  @Test
  void locationsHaveTheirDevicesAndOthersHaveAll() {
    Topology topology = topology();

    assertThat(topology.devicesFor("cpu:1"))
        .isEqualTo(new DevicePreference(List.of("mlx5_2", "mlx5_3"), List.of("mlx5_0", "mlx5_1")));
    for (String unknown : List.of("*", "cpu:7", "cuda:0", "")) {
      assertThat(topology.devicesFor(unknown))
          .isEqualTo(
              new DevicePreference(List.of("mlx5_0", "mlx5_1", "mlx5_2", "mlx5_3"), List.of()));
    }
    assertThat(Topology.none().devicesFor("cpu:0"))
        .isEqualTo(new DevicePreference(List.of(), List.of()));
  }

  @Test
  void theWalkGoesByKeyThenPreferredFirst() {
    Topology topology =
        new Topology(
            Map.of(
                "cpu:1", new DevicePreference(List.of("d", "a"), List.of("e")),
                "cpu:0", new DevicePreference(List.of("c"), List.of("b", "c", "d"))));

    assertThat(topology.deviceNames()).containsExactly("c", "b", "d", "a", "e");
    assertThat(Topology.none().deviceNames()).isEmpty();
  }

  @Test
  void aRestrictionKeepsTheOrderAndTheKeys() {
    assertThat(topology().restrictedTo(Set.of("mlx5_3", "mlx5_0")).toJson())
        .isEqualTo("{\"cpu:0\":[[\"mlx5_0\"],[\"mlx5_3\"]],\"cpu:1\":[[\"mlx5_3\"],[\"mlx5_0\"]]}");
    assertThat(topology().restrictedTo(Set.of("mlx5_3")).devicesFor("cpu:0"))
        .isEqualTo(new DevicePreference(List.of(), List.of("mlx5_3")));
    assertThat(topology().restrictedTo(Set.of("other"))).isEqualTo(Topology.none());
  }

  @Test
  void aLocationThatARestrictionEmptiedHasAllThatIsLeft() {
    Topology topology =
        new Topology(
            Map.of(
                "cpu:0", new DevicePreference(List.of("a"), List.of()),
                "cpu:1", new DevicePreference(List.of("b"), List.of())));

    assertThat(topology.restrictedTo(Set.of("b")).devicesFor("cpu:0"))
        .isEqualTo(new DevicePreference(List.of("b"), List.of()));
  }
}
