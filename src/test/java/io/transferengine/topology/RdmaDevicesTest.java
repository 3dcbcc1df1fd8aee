// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.transfer.ConfigurationException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
final class RdmaDevicesTest {
  @TempDir Path root;
  private FakeMachine machine;

  @BeforeEach
  void emptyMachine() {
    machine = new FakeMachine(root);
  }

  private RdmaDevice only() {
    List<RdmaDevice> devices = machine.discover();
    assertThat(devices).hasSize(1);
    return devices.getFirst();
  }

  @Test
  void aMachineWithoutRdmaHasNone() {
    assertThat(machine.discover()).isEmpty();
    assertThat(RdmaDevices.discover(root.resolve("absent"), root.resolve("absent"))).isEmpty();
  }

  @Test
  void aDeviceOnTheBusIsReadWhole() {
    machine.nic("mlx5_0", 1, "pci0000:80/0000:80:01.0/0000:81:00.0");
    machine.port("mlx5_0", 2, "1: DOWN", "InfiniBand");

    RdmaDevice device = only();

    assertThat(device.name()).isEqualTo("mlx5_0");
    assertThat(device.numaNode()).isEqualTo(1);
    assertThat(device.pciPath()).hasValue("pci0000:80/0000:80:01.0/0000:81:00.0");
    assertThat(device.ports())
        .containsExactly(
            new RdmaPort(1, "ACTIVE", "Ethernet", true),
            new RdmaPort(2, "DOWN", "InfiniBand", false));
    assertThat(device.port(2)).hasValueSatisfying(port -> assertThat(port.active()).isFalse());
    assertThat(device.port(3)).isEmpty();
    assertThat(device.verbsNode()).hasValue(machine.dev().resolve("infiniband/uverbs0"));
    assertThat(device.accessible()).isTrue();
    assertThat(device.unusable()).isEmpty();
    assertThat(device.usable()).isTrue();
  }

  @Test
  void softwareHasNoPlace() {
    machine.software("rxe0");

    assertThat(only().numaNode()).isEqualTo(-1);
    assertThat(only().pciPath()).isEmpty();
    assertThat(only().usable()).isTrue();
  }

  @Test
  void softwareOnACardIsWhereTheCardIs() {
    machine.software("rxe0").netdev("eth7", 1, "pci0000:80/0000:80:02.0");
    machine.write(machine.infiniband("rxe0").resolve("parent"), "eth7");

    assertThat(only().numaNode()).isEqualTo(1);
    assertThat(only().pciPath()).hasValue("pci0000:80/0000:80:02.0");
  }

  @Test
  void aParentThatLeadsElsewhereIsIgnored() {
    machine.software("rxe0");
    machine.write(machine.infiniband("rxe0").resolve("parent"), "../../devices/system");

    assertThat(only().pciPath()).isEmpty();
  }

  @Test
  void numbersAtTheEndCountAsNumbers() {
    for (String name : List.of("mlx5_10", "mlx5_2", "bnxt_re0", "mlx5_0")) {
      machine.software(name);
    }
    assertThat(machine.discover())
        .extracting(RdmaDevice::name)
        .containsExactly("bnxt_re0", "mlx5_0", "mlx5_2", "mlx5_10");
  }

  @Test
  void withoutDeviceFileItSaysHowToGetOne() throws IOException {
    machine.software("rxe0");
    Files.delete(machine.dev().resolve("infiniband/uverbs0"));

    assertThat(only().verbsNode()).isEmpty();
    assertThat(only().accessible()).isFalse();
    assertThat(only().unusable())
        .hasValueSatisfying(text -> assertThat(text).contains("ib_uverbs"));
  }

  @Test
  void aDeviceFileOfOthersIsNamed() {
    machine.software("rxe0");

    RdmaDevice device =
        RdmaDevices.discover(machine.sys(), machine.dev(), file -> false).getFirst();

    assertThat(device.accessible()).isFalse();
    assertThat(device.unusable())
        .hasValueSatisfying(
            text ->
                assertThat(text).contains(device.verbsNode().orElseThrow().toString(), "chmod"));
  }

  @Test
  void withoutActivePortItIsUnusable() {
    machine.software("rxe0").port("rxe0", 1, "1: DOWN", "Ethernet");

    assertThat(only().unusable()).hasValueSatisfying(text -> assertThat(text).contains("ACTIVE"));
  }

  @Test
  void anActivePortWithoutGidDoesNotCount() {
    machine.software("rxe0").gid("rxe0", 1, 0, FakeMachine.NULL_GID, "", "");

    assertThat(only().ports()).containsExactly(new RdmaPort(1, "ACTIVE", "Ethernet", false));
    assertThat(only().unusable()).hasValueSatisfying(text -> assertThat(text).contains("GID"));

    machine.port("rxe0", 2, "1: DOWN", "Ethernet");
    machine.gid("rxe0", 2, 0, "fe80:0000:0000:0000:0000:00ff:fe00:0001", "RoCE v2", "eth0");
    assertThat(only().usable()).as("the GID of a port that is down does not help").isFalse();
  }

  @Test
  void iwarpIsLeftToTcp() {
    machine.software("siw0");
    machine.write(machine.infiniband("siw0").resolve("node_type"), "4: RNIC");

    assertThat(only().unusable()).hasValueSatisfying(text -> assertThat(text).contains("iWARP"));
  }

  @Test
  void whatIsNotAsItShouldBeIsUnknown() throws IOException {
    Path device = machine.infiniband("odd");
    Files.createDirectories(device.resolve("ports/1/gids"));
    Files.createDirectories(device.resolve("ports/1/state"));
    Files.createDirectories(device.resolve("ports/0"));
    Files.createDirectories(device.resolve("ports/256"));
    Files.createDirectories(device.resolve("ports/01"));
    Files.createDirectories(device.resolve("ports/x"));
    machine.write(device.resolve("ports/1/link_layer"), "\u001b[31mEthernet\nforged");
    machine.write(device.resolve("ports/2/state"), "4: ACTIVE".repeat(100_000));
    machine.write(device.resolve("ports/2/gids/0"), "::1");
    Files.createSymbolicLink(device.resolve("device"), Path.of("device"));

    RdmaDevice odd = only();

    assertThat(odd.ports())
        .containsExactly(
            new RdmaPort(1, "unknown", "unknown", false),
            new RdmaPort(2, "unknown", "unknown", false));
    assertThat(odd.pciPath()).isEmpty();
    assertThat(odd.numaNode()).isEqualTo(-1);
    assertThat(odd.usable()).isFalse();
  }

  @Test
  void nodesAreNumbersFromMinusOne() {
    machine.nic("a", 0, "pci0000:00/0000:00:01.0");
    for (String text : List.of("-2", "-999999999", "x", "99999999999", "0x1", "")) {
      machine.write(machine.sys().resolve("devices/pci0000:00/0000:00:01.0/numa_node"), text);
      assertThat(only().numaNode()).as(text).isEqualTo(-1);
    }
  }

  @Test
  void namesThatWouldGarbleANicPathAreNoDevices() throws IOException {
    for (String name : List.of("a@b", "a b", "a,b", "x".repeat(64), "a\nb", "ä")) {
      Files.createDirectories(machine.infiniband(name));
    }
    assertThat(machine.discover()).isEmpty();
  }

  @Test
  void aListSelects() {
    machine.software("a").software("b").software("c");
    List<RdmaDevice> all = machine.discover();

    assertThat(RdmaDevices.select(all, "x", "")).isEqualTo(all);
    assertThat(RdmaDevices.select(all, "x", "c,a"))
        .extracting(RdmaDevice::name)
        .containsExactly("a", "c");
  }

  @Test
  void aNameThatMatchesNothingIsAnErrorThatNamesWhatThereIs() {
    machine.software("a").software("b");
    List<RdmaDevice> all = machine.discover();

    assertThatThrownBy(() -> RdmaDevices.select(all, "MC_TE_FILTERS", "a,mlx5_9"))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll("MC_TE_FILTERS", "a,mlx5_9", "\"mlx5_9\"", "a,b");
    assertThatThrownBy(() -> RdmaDevices.select(List.of(), "device name", "mlx5_0"))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll("device name", "mlx5_0", "no RDMA devices");
  }

  @Test
  void thePortThatIsUsedDecides() {
    machine.software("a").software("b").software("c");
    machine.port("b", 2, "4: ACTIVE", "Ethernet");
    machine.gid("b", 2, 0, "fe80:0000:0000:0000:0000:00ff:fe00:0001", "RoCE v2", "eth1");
    machine.port("c", 2, "1: DOWN", "Ethernet");

    List<RdmaDevice> onTwo =
        RdmaDevices.onPort(machine.discover(), machine.sys(), 2, GidChoice.AUTOMATIC);

    assertThat(onTwo).extracting(RdmaDevice::usable).containsExactly(false, true, false);
    assertThat(onTwo.get(0).unusable().orElseThrow()).contains("no port 2", "MC_IB_PORT");
    assertThat(onTwo.get(2).unusable().orElseThrow()).contains("port 2 is DOWN", "MC_IB_PORT");
    assertThat(RdmaDevices.onPort(machine.discover(), machine.sys(), 1, GidChoice.AUTOMATIC))
        .isEqualTo(machine.discover());
  }

  @Test
  void anEmptyGidThatWasAskedForMakesUnusable() {
    machine.software("a").software("b");
    machine.gid("b", 1, 3, "fe80:0000:0000:0000:0000:00ff:fe00:0001", "RoCE v2", "eth1");

    List<RdmaDevice> onThree = RdmaDevices.onPort(machine.discover(), machine.sys(), 1, 3);

    assertThat(onThree).extracting(RdmaDevice::usable).containsExactly(false, true);
    assertThat(onThree.getFirst().unusable().orElseThrow()).contains("MC_GID_INDEX is 3");
  }

  @Test
  void whatIsUnusableKeepsItsReason() {
    machine.software("a").port("a", 1, "1: DOWN", "Ethernet");
    List<RdmaDevice> devices = machine.discover();

    assertThat(RdmaDevices.onPort(devices, machine.sys(), 7, 3)).isEqualTo(devices);
  }
}
