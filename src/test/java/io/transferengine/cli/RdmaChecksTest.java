// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.cli.Finding.Verdict;
import io.transferengine.config.Option;
import io.transferengine.config.RdmaOptions;
import io.transferengine.config.Settings;
import io.transferengine.topology.FakeMachine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.assertj.core.api.AbstractStringAssert;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the doctor says of machines that are set up well, badly, or not at all. */
@Timeout(60)
class RdmaChecksTest {
  @TempDir Path root;
  private FakeMachine machine;
  private Path proc;
  private Path libraries;
  private Settings settings = Settings.builder().build();

  @BeforeEach
  void emptyMachine() {
    machine = new FakeMachine(root);
    proc = root.resolve("proc");
    libraries = root.resolve("lib");
    limit("unlimited");
  }

  private void limit(String soft) {
    machine.write(
        proc.resolve("limits"),
        "Limit                     Soft Limit           Hard Limit           Units\n"
            + "Max locked memory         "
            + soft
            + "           unlimited            bytes");
  }

  private void capabilities(String mask) {
    machine.write(proc.resolve("status"), "Name:\tjava\nCapPrm:\t0\nCapEff:\t" + mask);
  }

  private void library(String file) throws IOException {
    machine.write(libraries.resolve(file), "");
    Files.createSymbolicLink(libraries.resolve("libibverbs.so.1"), Path.of(file));
  }

  private <T> void set(Option<T> option, T value) {
    settings = settings.toBuilder().set(option, value).build();
  }

  private List<Finding> findings() {
    return new RdmaChecks(
            machine.sys(),
            machine.dev(),
            proc,
            List.of(root.resolve("nowhere"), libraries),
            settings)
        .findings();
  }

  private AbstractStringAssert<?> assertFinding(String what, Verdict verdict) {
    List<Finding> of = findings().stream().filter(finding -> finding.what().equals(what)).toList();
    assertThat(of).as("%s in %s", what, findings()).hasSize(1);
    assertThat(of.getFirst().verdict()).as("%s", of).isEqualTo(verdict);
    return assertThat(of.getFirst().text());
  }

  @Test
  void aMachineWithNothingGetsRemedies() {
    assertFinding("libibverbs", Verdict.NO).contains("libibverbs1", "ibverbs-providers");
    assertFinding("RDMA devices", Verdict.NO).contains("rdma link add rxe0");
    assertThat(findings()).extracting(Finding::verdict).doesNotContain(Verdict.MISSING);
  }

  @Test
  void theLibraryHasThePathAndVersionOfItsFile() throws IOException {
    library("libibverbs.so.1.14.44.0");

    assertFinding("libibverbs", Verdict.OK)
        .isEqualTo(libraries.resolve("libibverbs.so.1") + ", version 1.14.44.0");
    assertFinding("verbs providers", Verdict.NO).contains("install ibverbs-providers");

    machine.write(libraries.resolve("libibverbs/librxe-rdmav34.so"), "");
    assertFinding("verbs providers", Verdict.OK).startsWith("1 in ");
  }

  @Test
  void aPortThatIsUpHasItsGidAndMtu() {
    machine.software("rxe0");
    machine.gid("rxe0", 1, 4, "fe80:0000:0000:0000:0000:00ff:fe00:0001", "RoCE v2", "eth0");
    machine.write(machine.sys().resolve("class/net/eth0/mtu"), "4200");

    assertFinding("RDMA devices", Verdict.OK).isEqualTo("rxe0; 1 of 1 usable");
    assertFinding("rxe0", Verdict.OK).contains("infiniband/uverbs0", "NUMA node unknown");
    assertFinding("rxe0 port 1", Verdict.OK).isEqualTo("ACTIVE, Ethernet");
    assertFinding("rxe0 port 1 GID", Verdict.OK)
        .startsWith("0 ::ffff:10.99.0.0 (RoCE v2, eth0): a private IPv4 address; then 4 fe80:");
    assertFinding("rxe0 port 1 MTU", Verdict.OK).contains("4096", "eth0", "4200");
  }

  @Test
  void aSmallMtuComesWithTheCommandThatRaisesIt() {
    machine.software("rxe0");
    machine.write(machine.sys().resolve("class/net/eth0/mtu"), "1500");

    assertFinding("rxe0 port 1 MTU", Verdict.NO)
        .contains("1024 bytes", "1500", "ip link set eth0 mtu 4192");

    set(RdmaOptions.MTU, 1024);
    assertFinding("rxe0 port 1 MTU", Verdict.OK).contains("1024 bytes");
  }

  @Test
  void anInterfaceOfAnotherNamespaceIsSaidToBeOne() {
    machine.software("rxe0");

    assertFinding("rxe0 port 1 MTU", Verdict.NO).contains("eth0", "namespace");
  }

  @Test
  void aPortThatIsDownSaysWhatToDo() {
    machine.software("rxe0").port("rxe0", 1, "1: DOWN", "Ethernet");

    assertFinding("RDMA devices", Verdict.NO).isEqualTo("rxe0; 0 of 1 usable");
    assertFinding("rxe0", Verdict.NO).contains("no port is ACTIVE", "set the interface up");
    assertFinding("rxe0 port 1", Verdict.NO).isEqualTo("DOWN, Ethernet");
  }

  @Test
  void otherPortsAreNotUsed() {
    machine.software("rxe0").port("rxe0", 2, "4: ACTIVE", "Ethernet");

    assertFinding("rxe0 port 2", Verdict.NO).contains("not used, since MC_IB_PORT is 1");

    set(RdmaOptions.IB_PORT, 2);
    assertFinding("rxe0 port 1", Verdict.NO).contains("not used, since MC_IB_PORT is 2");
    assertFinding("rxe0", Verdict.NO).contains("IP address");
    assertFinding("rxe0 port 2 GID", Verdict.NO).contains("IP address");
  }

  @Test
  void anEmptyGidThatWasAskedForIsSaidToBe() {
    machine.software("rxe0");
    set(RdmaOptions.GID_INDEX, 9);

    assertFinding("rxe0 port 1 GID", Verdict.NO).contains("MC_GID_INDEX is 9", "0 (::ffff:10.99");
  }

  @Test
  void withoutDeviceFileThereIsNothingToSayOfPorts() throws IOException {
    machine.software("rxe0");
    Files.delete(machine.dev().resolve("infiniband/uverbs0"));

    assertFinding("rxe0", Verdict.NO).contains("modprobe ib_uverbs");
    assertThat(findings()).extracting(Finding::what).doesNotContain("rxe0 port 1");
  }

  @Test
  void aFilterThatMatchesNothingStopsTheEngine() {
    machine.software("rxe0");
    set(RdmaOptions.TE_FILTERS, "mlx5_0");
    assertFinding("MC_TE_FILTERS", Verdict.MISSING).contains("mlx5_0", "rxe0");

    set(RdmaOptions.TE_FILTERS, "rxe0");
    assertFinding("MC_TE_FILTERS", Verdict.OK).isEqualTo("rxe0");
  }

  @Test
  void aLimitOfLockedMemoryBindsThoseWithoutTheCapability() {
    assertFinding("locked memory", Verdict.OK).isEqualTo("unlimited");

    limit("65536");
    assertFinding("locked memory", Verdict.NO)
        .contains("64 KiB", "ulimit -l unlimited", "LimitMEMLOCK", "--ulimit memlock");
    capabilities("0000000000003fff");
    assertFinding("locked memory", Verdict.NO).contains("64 KiB");
    capabilities("0000000000004000");
    assertFinding("locked memory", Verdict.OK).contains("64 KiB", "CAP_IPC_LOCK");
    capabilities("ffffffffffffffff");
    assertFinding("locked memory", Verdict.OK).contains("CAP_IPC_LOCK");
  }

  @Test
  void limitsThatCannotBeReadAreSaidToBe() throws IOException {
    Files.delete(proc.resolve("limits"));

    assertFinding("locked memory", Verdict.NO).contains("limits", "cannot be read");
  }
}
