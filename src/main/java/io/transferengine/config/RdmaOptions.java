// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import static io.transferengine.config.OptionGroup.OWN;
import static io.transferengine.config.OptionGroup.RDMA;

import java.util.ArrayList;
import java.util.List;

/**
 * The options of the RDMA transport; {@link Options#all()} lists them with the others. Defaults are
 * Mooncake's unless the option says otherwise, because two engines that talk to each other should
 * agree on them.
 */
public final class RdmaOptions {
  private static final int KIB = 1 << 10;
  private static final int GIB = 1 << 30;
  private static final long TIB = 1L << 40;

  /** Mooncake's own limit of counts of entries; verbs devices have fewer or about as many. */
  private static final int MAX_ENTRIES = 65_535;

  /** Mooncake's own limit of queue pairs and ports: the wire has them as unsigned bytes. */
  private static final int MAX_BYTE = 255;

  /** Below a page the work requests cost more than the bytes. */
  private static final int MIN_SLICE = 4 * KIB;

  /** A work request moves 2^31 bytes at most; slices that are merged with their tail stay below. */
  private static final int MAX_SLICE = GIB;

  /** The user address space of x86-64 and aarch64 with 4-level page tables. */
  private static final long MAX_MEMORY = 1L << 47;

  private static final List<Option<?>> LISTED = new ArrayList<>();

  /** Which row of a port's GID table is used. */
  public static final Option<Integer> GID_INDEX =
      list(
          number("MC_GID_INDEX", "gidIndex", -1, MAX_BYTE, -1)
              .aliases("NCCL_IB_GID_INDEX")
              .defaultText("-1 (chosen)")
              .means("The index of the GID; -1 = the best one."));

  /** How many further GIDs are tried. */
  public static final Option<Integer> AUTO_GID_MAX_RETRIES =
      list(
          number("MC_AUTO_GID_MAX_RETRIES", "autoGidMaxRetries", 0, MAX_BYTE, 2)
              .unit("retries")
              .means("How many other GIDs are tried if the chosen one does not connect."));

  /** The port of each device. */
  public static final Option<Integer> IB_PORT =
      list(number("MC_IB_PORT", "ibPort", 1, MAX_BYTE, 1).means("The port of each device."));

  /** Which row of a port's table of partitions is used. */
  public static final Option<Integer> PKEY_INDEX =
      list(
          number("MC_PKEY_INDEX", "pkeyIndex", 0, MAX_ENTRIES, 0)
              .means("The index of the partition key."));

  /** The traffic class of packets. */
  public static final Option<Integer> IB_TC =
      list(
          number("MC_IB_TC", "ibTrafficClass", -1, MAX_BYTE, -1)
              .means(
                  "The traffic class of packets (for RoCE the IP header's, DSCP and ECN);"
                      + " -1 = 0, the device's default."));

  /** The service level of packets. */
  public static final Option<Integer> IB_SL =
      list(
          number("MC_IB_SL", "ibServiceLevel", -1, 15, -1)
              .means("The InfiniBand service level of packets; -1 = 0."));

  /** The largest packet. */
  public static final Option<Integer> MTU =
      list(
          new Option<>(
                  RDMA,
                  "MC_MTU",
                  "mtuBytes",
                  Form.integer(
                      value -> List.of(256, 512, 1024, 2048, 4096).contains(value),
                      "a whole number: 256, 512, 1024, 2048 or 4096"),
                  4096)
              .unit("bytes")
              .means(
                  "The largest path MTU; the port's active MTU if that is smaller. Peers that send"
                      + " their MTU get the smaller of the two; C++ engines do not send it, so both"
                      + " sides must come to the same.")
              .mooncake("Does not accept 256."));

  /** How many completions a queue holds. */
  public static final Option<Integer> MAX_CQE_PER_CTX =
      list(
          number("MC_MAX_CQE_PER_CTX", "maxCompletionsPerContext", 1, MAX_ENTRIES, 4096)
              .unit("entries")
              .means("How many completions a device's completion queue can hold."));

  /** How many peers a device is connected to. */
  public static final Option<Integer> MAX_EP_PER_CTX =
      list(
          number("MC_MAX_EP_PER_CTX", "maxEndpointsPerContext", 1, MAX_ENTRIES, MAX_ENTRIES)
              .unit("endpoints")
              .means("The most devices of peers that a device is connected to.")
              .mooncake("Its default is 65536, which it does not accept as a value."));

  /** How many queue pairs a connection has. */
  public static final Option<Integer> NUM_QP_PER_EP =
      list(
          number("MC_NUM_QP_PER_EP", "queuePairsPerEndpoint", 1, MAX_BYTE, 2)
              .unit("queue pairs")
              .means(
                  "How many queue pairs connect two devices; both sides must use the same"
                      + " number."));

  /** How many pieces of memory a work request has. */
  public static final Option<Integer> MAX_SGE =
      list(
          number("MC_MAX_SGE", "maxScatterGatherEntries", 1, MAX_ENTRIES, 4)
              .unit("entries")
              .means(
                  "How many scatter-gather entries a queue pair is created with, and so how many"
                      + " ranges of ours a work request may have; fewer if the device takes fewer."));

  /** How deep a send queue is. */
  public static final Option<Integer> MAX_WR =
      list(
          number("MC_MAX_WR", "maxWorkRequests", 1, MAX_ENTRIES, 256)
              .unit("work requests")
              .means("How many work requests a queue pair holds."));

  /** How many bytes may lie in a work request. */
  public static final Option<Integer> MAX_INLINE =
      list(
          number("MC_MAX_INLINE", "maxInlineBytes", 0, MAX_ENTRIES, 64)
              .unit("bytes")
              .means(
                  "How many inline bytes a queue pair is created with; the engine does not use"
                      + " them."));

  /** How many threads serve a device. */
  public static final Option<Integer> WORKERS_PER_CTX =
      list(
          number("MC_WORKERS_PER_CTX", "workersPerContext", 1, 8, 1)
              .unit("threads")
              .means("How many threads post to a device and poll it.")
              .mooncake("Its default is 2."));

  /** How long a work request is. */
  public static final Option<Integer> SLICE_SIZE =
      list(
          new Option<>(
                  RDMA,
                  "MC_SLICE_SIZE",
                  "sliceSizeBytes",
                  Form.size(MIN_SLICE, MAX_SLICE),
                  64 * KIB)
              .unit("bytes")
              .means(
                  "The size of the slices that transfers are cut into; each is one work request."));

  /** Which tails are merged. */
  public static final Option<Integer> FRAGMENT_RATIO =
      list(
          number("MC_FRAGMENT_RATIO", "fragmentRatio", 1, MAX_ENTRIES, 4)
              .means(
                  "A last slice of at most MC_SLICE_SIZE divided by this is merged with the one"
                      + " before it."));

  /** How often a slice is tried. */
  public static final Option<Integer> RETRY_CNT =
      list(
          number("MC_RETRY_CNT", "retryCount", 1, 127, 9)
              .unit("refusals")
              .means(
                  "How often in a row a peer may refuse to connect before its transfers fail."
                      + " Requests that a failed path gives back are sent again until their"
                      + " deadline.")
              .mooncake("How often a slice is posted again."));

  /** The largest registration. */
  public static final Option<Long> MAX_MR_SIZE =
      list(
          new Option<>(
                  RDMA,
                  "MC_MAX_MR_SIZE",
                  "maxMemoryRegionBytes",
                  Form.longSize(MIN_SLICE, MAX_MEMORY),
                  TIB)
              .unit("bytes")
              .means("The largest memory region; the device's limit if that is smaller."));

  /** Whether devices register side by side. */
  public static final Option<Integer> ENABLE_PARALLEL_REG_MR =
      list(
          number("MC_ENABLE_PARALLEL_REG_MR", "parallelRegistration", -1, 1, -1)
              .means(
                  "Registers memory with several devices at once: 1 = always, 0 = never, -1 = if it"
                      + " is faster."));

  /** Whether a device talks to its namesake. */
  public static final Option<Boolean> ENABLE_DEST_DEVICE_AFFINITY =
      list(
          new Option<>(
                  RDMA,
                  "MC_ENABLE_DEST_DEVICE_AFFINITY",
                  "destDeviceAffinity",
                  Form.presenceOnly(),
                  false)
              .means("Prefers the peer's device with the same name as the local one."));

  /** Whether {@link #NIC_PEER_AFFINITY} counts. */
  public static final Option<Boolean> ENABLE_HCA_PEER_AFFINITY =
      list(
          new Option<>(RDMA, "MC_ENABLE_HCA_PEER_AFFINITY", "hcaPeerAffinity", Form.flag(), false)
              .means("Prefers the peer's devices that MC_NIC_PEER_AFFINITY names."));

  /** Which devices of peers a device talks to; {@link NicPeerAffinity#parse} reads it. */
  public static final Option<String> NIC_PEER_AFFINITY =
      list(
          new Option<>(RDMA, "MC_NIC_PEER_AFFINITY", "nicPeerAffinity", NicPeerAffinity.form(), "")
              .means(
                  "The peer's devices for each local device, best first. Used with"
                      + " MC_ENABLE_HCA_PEER_AFFINITY."));

  /** How long a path that failed is left alone. */
  public static final Option<Integer> RDMA_RAIL_PAUSE_SECONDS =
      list(
          number("MC_RDMA_RAIL_PAUSE_SECONDS", "rdmaRailPauseSeconds", 0, Integer.MAX_VALUE, 30)
              .unit("seconds")
              .means(
                  "How long a pair of devices without a route is not tried again, if there are"
                      + " other pairs. Paths that failed for another reason are tried every 0.05 to"
                      + " 1 s.")
              .mooncake("How long any path that failed is not tried again."));

  /** Whether the PCI bus may reorder writes. */
  public static final Option<Integer> IB_PCI_RELAXED_ORDERING =
      list(
          number("MC_IB_PCI_RELAXED_ORDERING", "pciRelaxedOrdering", 0, 2, 1)
              .means(
                  "Registers memory with relaxed ordering on the PCI bus: 0 = no, 1 and 2 = if"
                      + " libibverbs supports it."));

  /** The server part of NIC paths. */
  public static final Option<String> RDMA_BIND_ADDRESS =
      list(
          new Option<>(RDMA, "MC_RDMA_BIND_ADDRESS", "rdmaBindAddress", Form.host(), "")
              .defaultText("the segment's host")
              .means("The host in the NIC paths that peers are told, instead of the segment's."));

  /** Which devices are used. */
  public static final Option<String> TE_FILTERS =
      list(
          new Option<>(RDMA, "MC_TE_FILTERS", "deviceFilters", DeviceNames.form(), "")
              .defaultText("all devices")
              .means(
                  "The devices that may be used. The engine's device name limits them further."));

  /** When a transfer changes over to TCP. */
  public static final Option<Integer> RDMA_TO_TCP_SECONDS =
      list(
          new Option<>(
                  OWN,
                  "TE_RDMA_TO_TCP_SECONDS",
                  "rdmaToTcpSeconds",
                  Form.integer(0, Integer.MAX_VALUE),
                  5)
              .unit("seconds")
              .means(
                  "A running transfer moves to TCP after this long without any RDMA path, if the"
                      + " peer supports TCP; 0 = never.")
              .mooncake("Never does."));

  /** All of them, in the order of the configuration page. */
  static final List<Option<?>> ALL = List.copyOf(LISTED);

  private RdmaOptions() {}

  private static <T> Option<T> list(Option<T> option) {
    LISTED.add(option);
    return option;
  }

  private static Option<Integer> number(
      String name, String builderName, int min, int max, int defaultValue) {
    return new Option<>(RDMA, name, builderName, Form.integer(min, max), defaultValue);
  }
}
