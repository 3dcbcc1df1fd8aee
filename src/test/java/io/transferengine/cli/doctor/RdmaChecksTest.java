// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.cli.doctor.CheckResult.Verdict;
import io.transferengine.diagnostics.EngineEnvironment;
import io.transferengine.topology.FakeMachine;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
  private final FakeLibrary library = new FakeLibrary();
  private final Map<String, String> variables = new HashMap<>();

  @BeforeEach
  void emptyMachine() {
    machine = new FakeMachine(root);
    proc = root.resolve("proc");
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

  /** libibverbs as a test wants it, since the real one sees the machine's own devices only. */
  private static final class FakeLibrary implements RdmaChecks.Library {
    private Optional<String> cause = Optional.empty();
    private Optional<Path> file = Optional.empty();
    private int mtuBytes = 4096;
    private Optional<TransferException> refusal = Optional.empty();

    @Override
    public Optional<String> unavailabilityCause() {
      return cause;
    }

    @Override
    public Optional<Path> file() {
      return file;
    }

    @Override
    public int activeMtuBytes(String device, int port) {
      refusal.ifPresent(
          failure -> {
            throw failure;
          });
      return mtuBytes;
    }
  }

  private void set(String variable, String value) {
    variables.put(variable, value);
  }

  private List<CheckResult> findings() {
    return new RdmaChecks(
            machine.sys(), machine.dev(), proc, library, EngineEnvironment.of(variables))
        .findings();
  }

  private AbstractStringAssert<?> assertFinding(String what, Verdict verdict) {
    List<CheckResult> of =
        findings().stream().filter(finding -> finding.what().equals(what)).toList();
    assertThat(of).as("%s in %s", what, findings()).hasSize(1);
    assertThat(of.getFirst().verdict()).as("%s", of).isEqualTo(verdict);
    return assertThat(of.getFirst().text());
  }

  @Test
  void aMachineWithNothingGetsRemedies() {
    library.cause = Optional.of("libibverbs.so.1 not found: install rdma-core");

    assertFinding("libibverbs", Verdict.NO).isEqualTo(library.cause.orElseThrow());
    assertFinding("RDMA devices", Verdict.NO).contains("rdma link add rxe0");
    assertThat(findings()).extracting(CheckResult::verdict).doesNotContain(Verdict.MISSING);
  }

  @Test
  void theLibraryIsTheFileThatWasLoaded() {
    Path file = root.resolve("lib/libibverbs.so.1.14.44.0");
    library.file = Optional.of(file);

    assertFinding("libibverbs", Verdict.OK).isEqualTo(file.toString());
    assertFinding("verbs providers", Verdict.NO).contains("install ibverbs-providers");

    machine.write(root.resolve("lib/libibverbs/librxe-rdmav34.so"), "");
    assertFinding("verbs providers", Verdict.OK).startsWith("1 in ");
  }

  @Test
  void aPortThatIsUpHasItsGidAndMtu() {
    machine.software("rxe0");
    machine.gid("rxe0", 1, 4, "fe80:0000:0000:0000:0000:00ff:fe00:0001", "RoCE v2", "eth0");

    assertFinding("RDMA devices", Verdict.OK).isEqualTo("rxe0; 1 of 1 usable");
    assertFinding("rxe0", Verdict.OK).contains("infiniband/uverbs0", "NUMA node unknown");
    assertFinding("rxe0 port 1", Verdict.OK).isEqualTo("ACTIVE, Ethernet");
    assertFinding("rxe0 port 1 GID", Verdict.OK)
        .startsWith("0 ::ffff:10.99.0.0 (RoCE v2, eth0): a private IPv4 address; then 4 fe80:");
    assertFinding("rxe0 port 1 MTU", Verdict.OK).isEqualTo("4096 bytes");
  }

  @Test
  void aSmallMtuComesWithTheCommandThatRaisesIt() {
    machine.software("rxe0");
    machine.write(machine.sys().resolve("class/net/eth0/mtu"), "1500");
    library.mtuBytes = 1024;

    assertFinding("rxe0 port 1 MTU", Verdict.NO)
        .isEqualTo("1024 bytes; for 4096 on both sides: ip link set eth0 mtu 4192 (now 1500)");

    set("MC_MTU", "1024");
    assertFinding("rxe0 port 1 MTU", Verdict.OK).isEqualTo("1024 bytes");
  }

  @Test
  void aDeviceThatCannotBeOpenedSaysWhy() {
    machine.software("rxe0");
    library.refusal =
        Optional.of(
            new TransferException(ErrorCode.CONTEXT, "ibv_open_device(rxe0) failed: EPERM", ""));

    assertFinding("rxe0 port 1 MTU", Verdict.NO).contains("ibv_open_device", "EPERM");
  }

  @Test
  void withoutLibraryNoDeviceIsAsked() {
    machine.software("rxe0");
    library.cause = Optional.of("not found");

    assertThat(findings())
        .extracting(CheckResult::what)
        .contains("rxe0 port 1 GID")
        .doesNotContain("rxe0 port 1 MTU");
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

    assertFinding("rxe0 port 2", Verdict.NO).contains("not used, because MC_IB_PORT is 1");

    set("MC_IB_PORT", "2");
    assertFinding("rxe0 port 1", Verdict.NO).contains("not used, because MC_IB_PORT is 2");
    assertFinding("rxe0", Verdict.NO).contains("IP address");
    assertFinding("rxe0 port 2 GID", Verdict.NO).contains("IP address");
  }

  @Test
  void anEmptyGidThatWasAskedForIsSaidToBe() {
    machine.software("rxe0");
    set("MC_GID_INDEX", "9");

    assertFinding("rxe0 port 1 GID", Verdict.NO).contains("MC_GID_INDEX is 9", "0 (::ffff:10.99");
  }

  @Test
  void withoutDeviceFileThereIsNothingToSayOfPorts() throws IOException {
    machine.software("rxe0");
    Files.delete(machine.dev().resolve("infiniband/uverbs0"));

    assertFinding("rxe0", Verdict.NO).contains("modprobe ib_uverbs");
    assertThat(findings()).extracting(CheckResult::what).doesNotContain("rxe0 port 1");
  }

  @Test
  void aFilterThatMatchesNothingIsNamed() {
    machine.software("rxe0");
    set("MC_TE_FILTERS", "mlx5_0");
    assertFinding("MC_TE_FILTERS", Verdict.NO).contains("mlx5_0", "rxe0");

    set("MC_TE_FILTERS", "rxe0");
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
