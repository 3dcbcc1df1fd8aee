// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import java.util.ArrayList;
import java.util.List;

/** The list behind {@link Options#withoutEffect()}. */
final class InertVariables {
  private static final String NO_EFA = "There is no EFA transport.";

  static final List<InertVariable> ALL = list();

  private InertVariables() {}

  private static List<InertVariable> list() {
    List<InertVariable> all = new ArrayList<>();
    add(
        all,
        "A request waits for its transfer's deadline instead (MC_TRANSFER_TIMEOUT).",
        "MC_TCP_ADMISSION_TIMEOUT_MS");
    add(
        all,
        "Each worker of a device has one completion queue and one channel (MC_WORKERS_PER_CTX).",
        "MC_NUM_CQ_PER_CTX",
        "MC_NUM_COMP_CHANNELS_PER_CTX");
    add(
        all,
        "Beyond the limit the least recently used endpoint is closed.",
        "MC_ENDPOINT_STORE_TYPE");
    add(all, "A path takes work when it has room, not in turn.", "MC_PATH_ROUNDROBIN");
    add(
        all,
        "While transfers wait for a peer that failed, it is tried every 0.05 to 1 s.",
        "MC_CONN_PAUSE_TTL_MS");
    add(
        all,
        "The engine uses only verbs that every provider has, none of mlx5's own.",
        "MC_MLX5_QP_UDP_SPORTS",
        "MC_MLX5_QP_LAG_PORT_BALANCE");
    add(
        all,
        "A diagnostic of the C++ engine; see the metrics (MC_TE_METRIC).",
        "MC_LOG_RDMA_SLICE_AFFINITY",
        "MC_TRACK_RDMA_POSTED_SLICES");
    add(
        all,
        "Transfers are one-sided, and notifications go through the RPC port.",
        "MC_USE_RDMA_TWOSIDED",
        "MC_RDMA_NOTIFY_ENABLED",
        "MC_RDMA_NOTIFY_OOB_FALLBACK");
    add(all, "There is no shared memory transport.", "MC_FORCE_SHM");
    add(all, "A device that failed is tried again with its paths.", "MC_CONTEXT_PAUSE_TTL_MS");
    add(all, "Adjacent small blocks share a request in any case.", "MC_ACTIVE_GATHER");
    add(
        all,
        "Ask for protocol rdma, and set TE_REQUIRE_RDMA so that TCP is not used instead.",
        "MC_FORCE_HCA");
    add(all, NO_EFA, "MC_MAX_CONCURRENT_REG_MR", "MC_EFA_NIC_SELECTION", "MC_EFA_CQ_THREADS");
    return List.copyOf(all);
  }

  private static void add(List<InertVariable> all, String reason, String... names) {
    for (String name : names) {
      all.add(new InertVariable(name, reason));
    }
  }
}
