// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.config.RdmaOptions;

/**
 * The options of RDMA in {@link EngineConfig.Builder}, in a file of their own because there are
 * many. Not thread-safe.
 */
abstract sealed class RdmaBuilder extends MetadataBuilder permits EngineConfig.Builder {
  RdmaBuilder() {}

  /**
   * The index of the GID; -1 = the best one. ({@code MC_GID_INDEX})
   *
   * @param value a whole number, -1 to 255
   * @return this builder
   */
  public EngineConfig.Builder gidIndex(int value) {
    return set(RdmaOptions.GID_INDEX, value);
  }

  /**
   * How many other GIDs are tried if the chosen one does not connect. ({@code
   * MC_AUTO_GID_MAX_RETRIES})
   *
   * @param value a whole number of retries, 0 to 255
   * @return this builder
   */
  public EngineConfig.Builder autoGidMaxRetries(int value) {
    return set(RdmaOptions.AUTO_GID_MAX_RETRIES, value);
  }

  /**
   * The port of each device. ({@code MC_IB_PORT})
   *
   * @param value a whole number, 1 to 255
   * @return this builder
   */
  public EngineConfig.Builder ibPort(int value) {
    return set(RdmaOptions.IB_PORT, value);
  }

  /**
   * The index of the partition key. ({@code MC_PKEY_INDEX})
   *
   * @param value a whole number, 0 to 65535
   * @return this builder
   */
  public EngineConfig.Builder pkeyIndex(int value) {
    return set(RdmaOptions.PKEY_INDEX, value);
  }

  /**
   * The traffic class of packets (for RoCE the IP header's, DSCP and ECN); -1 = 0, the device's
   * default. ({@code MC_IB_TC})
   *
   * @param value a whole number, -1 to 255
   * @return this builder
   */
  public EngineConfig.Builder ibTrafficClass(int value) {
    return set(RdmaOptions.IB_TC, value);
  }

  /**
   * The InfiniBand service level of packets; -1 = 0. ({@code MC_IB_SL})
   *
   * @param value a whole number, -1 to 15
   * @return this builder
   */
  public EngineConfig.Builder ibServiceLevel(int value) {
    return set(RdmaOptions.IB_SL, value);
  }

  /**
   * The largest path MTU; the port's active MTU if that is smaller. Peers that send their MTU get
   * the smaller of the two; C++ engines do not send it, so both sides must come to the same.
   * ({@code MC_MTU})
   *
   * @param value a whole number of bytes: 256, 512, 1024, 2048 or 4096
   * @return this builder
   */
  public EngineConfig.Builder mtuBytes(int value) {
    return set(RdmaOptions.MTU, value);
  }

  /**
   * How many completions a device's completion queue can hold. ({@code MC_MAX_CQE_PER_CTX})
   *
   * @param value a whole number of entries, 1 to 65535
   * @return this builder
   */
  public EngineConfig.Builder maxCompletionsPerContext(int value) {
    return set(RdmaOptions.MAX_CQE_PER_CTX, value);
  }

  /**
   * The most devices of peers that a device is connected to. ({@code MC_MAX_EP_PER_CTX})
   *
   * @param value a whole number of endpoints, 1 to 65535
   * @return this builder
   */
  public EngineConfig.Builder maxEndpointsPerContext(int value) {
    return set(RdmaOptions.MAX_EP_PER_CTX, value);
  }

  /**
   * How many queue pairs connect two devices; both sides must use the same number. ({@code
   * MC_NUM_QP_PER_EP})
   *
   * @param value a whole number of queue pairs, 1 to 255
   * @return this builder
   */
  public EngineConfig.Builder queuePairsPerEndpoint(int value) {
    return set(RdmaOptions.NUM_QP_PER_EP, value);
  }

  /**
   * How many scatter-gather entries a queue pair is created with, and so how many ranges of ours a
   * work request may have; fewer if the device takes fewer. ({@code MC_MAX_SGE})
   *
   * @param value a whole number of entries, 1 to 65535
   * @return this builder
   */
  public EngineConfig.Builder maxScatterGatherEntries(int value) {
    return set(RdmaOptions.MAX_SGE, value);
  }

  /**
   * How many work requests a queue pair holds. ({@code MC_MAX_WR})
   *
   * @param value a whole number of work requests, 1 to 65535
   * @return this builder
   */
  public EngineConfig.Builder maxWorkRequests(int value) {
    return set(RdmaOptions.MAX_WR, value);
  }

  /**
   * How many inline bytes a queue pair is created with; the engine does not use them. ({@code
   * MC_MAX_INLINE})
   *
   * @param value a whole number of bytes, 0 to 65535
   * @return this builder
   */
  public EngineConfig.Builder maxInlineBytes(int value) {
    return set(RdmaOptions.MAX_INLINE, value);
  }

  /**
   * How many threads post to a device and poll it. ({@code MC_WORKERS_PER_CTX})
   *
   * @param value a whole number of threads, 1 to 8
   * @return this builder
   */
  public EngineConfig.Builder workersPerContext(int value) {
    return set(RdmaOptions.WORKERS_PER_CTX, value);
  }

  /**
   * The size of the slices that transfers are cut into; each is one work request. ({@code
   * MC_SLICE_SIZE})
   *
   * @param value a whole number of bytes, 4096 (4 KiB) to 1073741824 (1 GiB)
   * @return this builder
   */
  public EngineConfig.Builder sliceSizeBytes(int value) {
    return set(RdmaOptions.SLICE_SIZE, value);
  }

  /**
   * A last slice of at most MC_SLICE_SIZE divided by this is merged with the one before it. ({@code
   * MC_FRAGMENT_RATIO})
   *
   * @param value a whole number, 1 to 65535
   * @return this builder
   */
  public EngineConfig.Builder fragmentRatio(int value) {
    return set(RdmaOptions.FRAGMENT_RATIO, value);
  }

  /**
   * How often in a row a peer may refuse to connect before its transfers fail. Requests that a
   * failed path gives back are sent again until their deadline. ({@code MC_RETRY_CNT})
   *
   * @param value a whole number of refusals, 1 to 127
   * @return this builder
   */
  public EngineConfig.Builder retryCount(int value) {
    return set(RdmaOptions.RETRY_CNT, value);
  }

  /**
   * The largest memory region; the device's limit if that is smaller. ({@code MC_MAX_MR_SIZE})
   *
   * @param value a whole number of bytes, 4096 (4 KiB) to 140737488355328 (128 TiB)
   * @return this builder
   */
  public EngineConfig.Builder maxMemoryRegionBytes(long value) {
    return set(RdmaOptions.MAX_MR_SIZE, value);
  }

  /**
   * Registers memory with several devices at once: 1 = always, 0 = never, -1 = if it is faster.
   * ({@code MC_ENABLE_PARALLEL_REG_MR})
   *
   * @param value a whole number, -1 to 1
   * @return this builder
   */
  public EngineConfig.Builder parallelRegistration(int value) {
    return set(RdmaOptions.ENABLE_PARALLEL_REG_MR, value);
  }

  /**
   * Prefers the peer's device with the same name as the local one. ({@code
   * MC_ENABLE_DEST_DEVICE_AFFINITY})
   *
   * @param value whether
   * @return this builder
   */
  public EngineConfig.Builder destDeviceAffinity(boolean value) {
    return set(RdmaOptions.ENABLE_DEST_DEVICE_AFFINITY, value);
  }

  /**
   * Prefers the peer's devices that MC_NIC_PEER_AFFINITY names. ({@code
   * MC_ENABLE_HCA_PEER_AFFINITY})
   *
   * @param value whether
   * @return this builder
   */
  public EngineConfig.Builder hcaPeerAffinity(boolean value) {
    return set(RdmaOptions.ENABLE_HCA_PEER_AFFINITY, value);
  }

  /**
   * The peer's devices for each local device, best first. Used with MC_ENABLE_HCA_PEER_AFFINITY.
   * ({@code MC_NIC_PEER_AFFINITY})
   *
   * @param value rails such as mlx5_0=mlx5_0,mlx5_1;mlx5_1=mlx5_1, each local device once
   * @return this builder
   */
  public EngineConfig.Builder nicPeerAffinity(String value) {
    return set(RdmaOptions.NIC_PEER_AFFINITY, value);
  }

  /**
   * How long a pair of devices without a route is not tried again, if there are other pairs. Paths
   * that failed for another reason are tried every 0.05 to 1 s. ({@code
   * MC_RDMA_RAIL_PAUSE_SECONDS})
   *
   * @param value a whole number of seconds, 0 to 2147483647
   * @return this builder
   */
  public EngineConfig.Builder rdmaRailPauseSeconds(int value) {
    return set(RdmaOptions.RDMA_RAIL_PAUSE_SECONDS, value);
  }

  /**
   * Registers memory with relaxed ordering on the PCI bus: 0 = no, 1 and 2 = if libibverbs supports
   * it. ({@code MC_IB_PCI_RELAXED_ORDERING})
   *
   * @param value a whole number, 0 to 2
   * @return this builder
   */
  public EngineConfig.Builder pciRelaxedOrdering(int value) {
    return set(RdmaOptions.IB_PCI_RELAXED_ORDERING, value);
  }

  /**
   * The host in the NIC paths that peers are told, instead of the segment's. ({@code
   * MC_RDMA_BIND_ADDRESS})
   *
   * @param value an IP address (IPv6 without brackets) or a host name, without a port
   * @return this builder
   */
  public EngineConfig.Builder rdmaBindAddress(String value) {
    return set(RdmaOptions.RDMA_BIND_ADDRESS, value);
  }

  /**
   * The devices that may be used. The engine's device name limits them further. ({@code
   * MC_TE_FILTERS})
   *
   * @param value device names separated by commas, e.g. mlx5_0,mlx5_1
   * @return this builder
   */
  public EngineConfig.Builder deviceFilters(String value) {
    return set(RdmaOptions.TE_FILTERS, value);
  }

  /**
   * A running transfer moves to TCP after this long without any RDMA path, if the peer supports
   * TCP; 0 = never. ({@code TE_RDMA_TO_TCP_SECONDS})
   *
   * @param value a whole number of seconds, 0 to 2147483647
   * @return this builder
   */
  public EngineConfig.Builder rdmaToTcpSeconds(int value) {
    return set(RdmaOptions.RDMA_TO_TCP_SECONDS, value);
  }
}
