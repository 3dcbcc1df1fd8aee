// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The choice of a GID by its rank (protocol section 9.2), and the table that it comes from. */
@Timeout(60)
final class GidChoiceTest {
  private static final String GLOBAL_V6 = "2001:0db8:0000:0000:0000:0000:0000:0001";
  private static final String LINK_LOCAL = "fe80:0000:0000:0000:0000:00ff:fe00:0001";
  private static final String PUBLIC_V4 = "0000:0000:0000:0000:0000:ffff:0808:0808";
  private static final String PRIVATE_V4 = "0000:0000:0000:0000:0000:ffff:0a63:0001";

  @TempDir Path root;

  private static GidEntry entry(int index, String gid, GidType type, String netdev) {
    return new GidEntry(
        index,
        Gid.parseSysfs(gid).orElseThrow(),
        type,
        netdev.isEmpty() ? Optional.empty() : Optional.of(netdev));
  }

  private static GidEntry entry(int index, String gid, String netdev) {
    return entry(index, gid, GidType.ROCE_V2, netdev);
  }

  @ParameterizedTest
  @CsvSource({
    GLOBAL_V6 + ", ROCE_V2, eth0, ROUTABLE",
    PUBLIC_V4 + ", ROCE_V2, bond0.12, ROUTABLE",
    GLOBAL_V6 + ", INFINIBAND, ib0, ROUTABLE",
    GLOBAL_V6 + ", INFINIBAND, '', ROUTABLE_WITHOUT_NETDEV",
    PRIVATE_V4 + ", ROCE_V2, eth0, PRIVATE",
    LINK_LOCAL + ", ROCE_V2, eth0, DEGRADED",
    PUBLIC_V4 + ", ROCE_V2, flannel.1, DEGRADED",
    PRIVATE_V4 + ", ROCE_V2, cni0, DEGRADED",
    PRIVATE_V4 + ", ROCE_V2, cali0, PRIVATE",
    PRIVATE_V4 + ", ROCE_V2, calico7, DEGRADED",
    GLOBAL_V6 + ", ROCE_V2, vxlan100, DEGRADED",
    PRIVATE_V4 + ", ROCE_V2, docker0, DEGRADED",
    PRIVATE_V4 + ", ROCE_V2, tunl0, DEGRADED",
    PRIVATE_V4 + ", ROCE_V2, tunl01, PRIVATE",
    PRIVATE_V4 + ", ROCE_V2, '', PRIVATE_WITHOUT_NETDEV",
    LINK_LOCAL + ", INFINIBAND, '', DEGRADED_WITHOUT_NETDEV",
    GLOBAL_V6 + ", ROCE_V1, eth0, OTHER_TYPE",
    GLOBAL_V6 + ", UNKNOWN, eth0, OTHER_TYPE"
  })
  void eachRowHasItsRank(String gid, GidType type, String netdev, GidRank expected) {
    assertThat(GidRank.of(entry(0, gid, type, netdev))).isEqualTo(expected);
  }

  @Test
  void theBestRankWinsWhateverItsIndex() {
    List<GidEntry> byRank =
        List.of(
            entry(9, GLOBAL_V6, "eth0"),
            entry(8, GLOBAL_V6, ""),
            entry(7, PRIVATE_V4, "eth0"),
            entry(6, LINK_LOCAL, "eth0"),
            entry(5, PRIVATE_V4, ""),
            entry(4, LINK_LOCAL, ""),
            entry(3, GLOBAL_V6, GidType.ROCE_V1, "eth0"));
    List<GidEntry> byIndex = new ArrayList<>(byRank);
    Collections.reverse(byIndex);

    for (int from = 0; from < byRank.size(); from++) {
      List<GidEntry> some = byIndex.subList(0, byRank.size() - from);
      GidChoice choice = GidChoice.choose(some, GidChoice.AUTOMATIC);
      assertThat(choice.ranked()).isEqualTo(byRank.subList(from, byRank.size()));
      assertThat(choice.chosen()).hasValue(byRank.get(from));
      assertThat(choice.reason()).isEqualTo(GidRank.of(byRank.get(from)).text());
    }
  }

  @Test
  void ofEqualsTheLowestIndexWins() {
    GidChoice choice =
        GidChoice.choose(
            List.of(
                entry(11, PRIVATE_V4, "eth0"),
                entry(0, LINK_LOCAL, "eth0"),
                entry(5, PRIVATE_V4, "eth0.7"),
                entry(2, PRIVATE_V4, "eth0")),
            GidChoice.AUTOMATIC);

    assertThat(choice.ranked()).extracting(GidEntry::index).containsExactly(2, 5, 11, 0);
    assertThat(choice.reason()).contains("private", "first of 3");
  }

  @Test
  void theNextBestAreForRetries() {
    GidChoice choice =
        GidChoice.choose(
            List.of(entry(0, LINK_LOCAL, "eth0"), entry(1, PRIVATE_V4, "eth0")),
            GidChoice.AUTOMATIC);

    assertThat(choice.alternative(0)).isEqualTo(choice.chosen());
    assertThat(choice.alternative(1).orElseThrow().index()).isZero();
    assertThat(choice.alternative(2)).isEmpty();
    assertThat(choice.alternative(-1)).isEmpty();
  }

  @Test
  void anIndexThatWasAskedForIsTakenWhateverItsRank() {
    List<GidEntry> entries =
        List.of(entry(0, LINK_LOCAL, GidType.ROCE_V1, "eth0"), entry(1, GLOBAL_V6, "eth0"));

    GidChoice choice = GidChoice.choose(entries, 0);

    assertThat(choice.chosen().orElseThrow().index()).isZero();
    assertThat(choice.alternative(1)).as("no other is tried").isEmpty();
    assertThat(choice.reason()).isEqualTo("MC_GID_INDEX is 0");
  }

  @Test
  void anEmptyRowThatWasAskedForIsNoneAndTheReasonNamesTheFilledOnes() {
    List<GidEntry> entries = List.of(entry(0, LINK_LOCAL, "eth0"), entry(1, PRIVATE_V4, "eth0"));

    GidChoice choice = GidChoice.choose(entries, 3);

    assertThat(choice.chosen()).isEmpty();
    assertThat(choice.reason()).contains("MC_GID_INDEX is 3", "1 (::ffff:10.99.0.1)", "-1");
    assertThat(GidChoice.choose(List.of(), 3).reason()).contains("no GID at all", "IP address");
  }

  @Test
  void withoutGidsThereIsNone() {
    GidChoice choice = GidChoice.choose(List.of(), GidChoice.AUTOMATIC);

    assertThat(choice.chosen()).isEmpty();
    assertThat(choice.reason()).contains("IP address");
    GidEntry empty = entry(0, FakeMachine.NULL_GID, "eth0");
    assertThat(GidChoice.choose(List.of(empty), GidChoice.AUTOMATIC).chosen()).isEmpty();
    assertThat(GidChoice.choose(List.of(empty), 0).chosen()).isEmpty();
  }

  @Test
  void theTableIsReadByIndexWithoutItsEmptyRows() throws IOException {
    FakeMachine machine = new FakeMachine(root).software("rxe0");
    machine.gid("rxe0", 1, 0, LINK_LOCAL, "RoCE v2", "veth0");
    machine.gid("rxe0", 1, 1, FakeMachine.NULL_GID, "", "");
    machine.gid("rxe0", 1, 2, PRIVATE_V4, "IB/RoCE v1", "veth0");
    machine.gid("rxe0", 1, 10, PRIVATE_V4, "RoCE v2", "");
    machine.gid("rxe0", 1, 3, GLOBAL_V6, "", "ve\u001b[31m");
    machine.gid("rxe0", 1, 4, "not a gid", "RoCE v2", "veth0");
    Files.createDirectories(machine.portFolder("rxe0", 1).resolve("gids/5"));
    machine.write(machine.portFolder("rxe0", 1).resolve("gids/x"), GLOBAL_V6);
    machine.write(machine.portFolder("rxe0", 1).resolve("gids/-1"), GLOBAL_V6);

    assertThat(GidTable.read(machine.sys(), "rxe0", 1))
        .containsExactly(
            entry(0, LINK_LOCAL, GidType.ROCE_V2, "veth0"),
            entry(2, PRIVATE_V4, GidType.ROCE_V1, "veth0"),
            entry(3, GLOBAL_V6, GidType.UNKNOWN, ""),
            entry(10, PRIVATE_V4, GidType.ROCE_V2, ""));
    assertThat(GidTable.read(machine.sys(), "rxe0", 2)).isEmpty();
    assertThat(GidTable.read(machine.sys(), "rxe9", 1)).isEmpty();
  }

  @Test
  void everyIndexThatCanBeAskedForIsLookedAt() {
    FakeMachine machine = new FakeMachine(root).software("rxe0");
    for (int index = 1; index < 400; index++) {
      machine.gid("rxe0", 1, index, FakeMachine.NULL_GID, "", "");
    }
    machine.gid("rxe0", 1, 255, PRIVATE_V4, "RoCE v2", "eth0");

    List<GidEntry> entries = GidTable.read(machine.sys(), "rxe0", 1);

    assertThat(entries).extracting(GidEntry::index).containsExactly(0, 255);
    assertThat(GidChoice.choose(entries, 255).chosen()).hasValue(entries.get(1));
  }

  @Test
  void onInfiniBandTheKernelsTextMeansInfiniBand() {
    FakeMachine machine = new FakeMachine(root).software("mlx5_0");
    machine.port("mlx5_0", 1, "4: ACTIVE", "InfiniBand");
    machine.gid("mlx5_0", 1, 0, LINK_LOCAL, "IB/RoCE v1", "");
    machine.gid("mlx5_0", 1, 1, GLOBAL_V6, "", "");

    List<GidEntry> entries = GidTable.read(machine.sys(), "mlx5_0", 1);

    assertThat(entries)
        .extracting(GidEntry::type)
        .containsExactly(GidType.INFINIBAND, GidType.INFINIBAND);
    assertThat(GidChoice.choose(entries, GidChoice.AUTOMATIC).chosen().orElseThrow().index())
        .isEqualTo(1);
  }
}
