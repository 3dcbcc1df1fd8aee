// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import java.util.ArrayList;
import java.util.List;

/** The list behind {@link Options#withoutEffect()}: it shrinks as transports arrive. */
final class InertVariables {
  private static final String NO_RDMA = "RDMA is not built in yet.";
  private static final String NO_EFA = "There is no EFA transport.";

  static final List<InertVariable> ALL = list();

  private InertVariables() {}

  private static List<InertVariable> list() {
    List<InertVariable> all = new ArrayList<>();
    add(
        all,
        "A request waits for its transfer's deadline instead (MC_TRANSFER_TIMEOUT).",
        "MC_TCP_ADMISSION_TIMEOUT_MS");
    add(all, NO_RDMA, "MC_RDMA_BIND_ADDRESS", "MC_FORCE_HCA", "MC_TE_FILTERS");
    add(
        all,
        NO_RDMA,
        "MC_GID_INDEX",
        "MC_AUTO_GID_MAX_RETRIES",
        "MC_IB_PORT",
        "MC_PKEY_INDEX",
        "MC_IB_TC",
        "MC_IB_SL",
        "MC_MTU",
        "MC_NUM_CQ_PER_CTX",
        "MC_NUM_COMP_CHANNELS_PER_CTX",
        "MC_MAX_CQE_PER_CTX",
        "MC_MAX_EP_PER_CTX",
        "MC_NUM_QP_PER_EP",
        "MC_MAX_SGE",
        "MC_MAX_WR",
        "MC_MAX_INLINE",
        "MC_WORKERS_PER_CTX",
        "MC_SLICE_SIZE",
        "MC_FRAGMENT_RATIO",
        "MC_RETRY_CNT",
        "MC_MAX_MR_SIZE",
        "MC_ENABLE_PARALLEL_REG_MR",
        "MC_ENDPOINT_STORE_TYPE",
        "MC_PATH_ROUNDROBIN",
        "MC_ENABLE_DEST_DEVICE_AFFINITY",
        "MC_ENABLE_HCA_PEER_AFFINITY",
        "MC_NIC_PEER_AFFINITY",
        "MC_RDMA_RAIL_PAUSE_SECONDS",
        "MC_CONN_PAUSE_TTL_MS",
        "MC_IB_PCI_RELAXED_ORDERING",
        "MC_MLX5_QP_UDP_SPORTS",
        "MC_MLX5_QP_LAG_PORT_BALANCE",
        "MC_LOG_RDMA_SLICE_AFFINITY",
        "MC_TRACK_RDMA_POSTED_SLICES",
        "MC_USE_RDMA_TWOSIDED",
        "MC_RDMA_NOTIFY_OOB_FALLBACK");
    add(all, NO_EFA, "MC_MAX_CONCURRENT_REG_MR", "MC_EFA_NIC_SELECTION", "MC_EFA_CQ_THREADS");
    return List.copyOf(all);
  }

  private static void add(List<InertVariable> all, String reason, String... names) {
    for (String name : names) {
      all.add(new InertVariable(name, reason));
    }
  }
}
