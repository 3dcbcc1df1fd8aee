// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.transfer.ConfigurationException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What options of RDMA mean together, and what their texts hold; {@link OptionsTest} has each. */
@Timeout(60)
final class RdmaOptionsTest {
  @Test
  void ncclsIndexCountsWhereOursIsAbsent() {
    assertThat(Settings.fromMap(Map.of("NCCL_IB_GID_INDEX", "3")).get(RdmaOptions.GID_INDEX))
        .isEqualTo(3);
    assertThat(
            Settings.fromMap(Map.of("NCCL_IB_GID_INDEX", "3", "MC_GID_INDEX", "1"))
                .get(RdmaOptions.GID_INDEX))
        .isEqualTo(1);
  }

  @Test
  void railsAreReadInTheirOrder() {
    Map<String, List<String>> rails = NicPeerAffinity.parse("b=b,a;a=a;");

    assertThat(rails)
        .containsExactly(Map.entry("b", List.of("b", "a")), Map.entry("a", List.of("a")));
    assertThat(NicPeerAffinity.parse("")).isEmpty();
    assertThatThrownBy(() -> NicPeerAffinity.parse("a=b;a=c"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aSliceFitsIntoARegion() {
    assertThatThrownBy(() -> Settings.fromMap(Map.of("MC_MAX_MR_SIZE", "65535")))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll("MC_SLICE_SIZE", "65536", "MC_MAX_MR_SIZE", "65535");
    assertThat(
            Settings.fromMap(Map.of("MC_MAX_MR_SIZE", "8192", "MC_SLICE_SIZE", "8192"))
                .get(RdmaOptions.MAX_MR_SIZE))
        .isEqualTo(8192);
  }

  @Test
  void oneOfTwoAffinities() {
    assertThatThrownBy(
            () ->
                Settings.fromMap(
                    Map.of(
                        "MC_ENABLE_DEST_DEVICE_AFFINITY", "", "MC_ENABLE_HCA_PEER_AFFINITY", "1")))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll("MC_ENABLE_DEST_DEVICE_AFFINITY", "MC_ENABLE_HCA_PEER_AFFINITY");
    assertThat(
            Settings.fromMap(
                    Map.of(
                        "MC_ENABLE_DEST_DEVICE_AFFINITY", "", "MC_ENABLE_HCA_PEER_AFFINITY", "0"))
                .get(RdmaOptions.ENABLE_DEST_DEVICE_AFFINITY))
        .isTrue();
  }

  @Test
  void tcpForcedAndRdmaRequiredContradict() {
    assertThatThrownBy(
            () -> Settings.fromMap(Map.of("TE_CHECKSUM", "require_crc32c", "TE_REQUIRE_RDMA", "1")))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll("TE_CHECKSUM", "TE_REQUIRE_RDMA");
    assertThatThrownBy(() -> Settings.fromMap(Map.of("MC_FORCE_TCP", "1", "TE_REQUIRE_RDMA", "1")))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll("MC_FORCE_TCP", "TE_REQUIRE_RDMA");
  }
}
