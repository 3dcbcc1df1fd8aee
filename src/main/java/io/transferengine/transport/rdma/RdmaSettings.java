// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.access.AccessRights;
import io.transferengine.config.LimitOptions;
import io.transferengine.config.NicPeerAffinity;
import io.transferengine.config.Options;
import io.transferengine.config.RdmaOptions;
import io.transferengine.config.Settings;
import io.transferengine.config.TransportPolicy;
import io.transferengine.verbs.Access;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * The options of this transport, read once.
 *
 * @param port the port of every device
 * @param pkeyIndex the partition key of queue pairs
 * @param gidIndex the index of every port's GID; -1 to choose
 * @param gidRetries how many other GIDs are tried if queue pairs do not connect with the chosen one
 * @param trafficClass the traffic class of packets; -1 for 0
 * @param serviceLevel the service level of packets; -1 for 0
 * @param mtuBytes the largest packet payload
 * @param completionQueueEntries the entries of each worker's completion queue
 * @param endpointsPerNic the highest number of endpoints of a device
 * @param endpointsPerAddress how many of them one address may have us make
 * @param queuePairsPerEndpoint the number of queue pairs; both sides must have the same
 * @param sgeMax the scatter/gather entries of a work request that queue pairs are made for
 * @param workRequestsMax the most requests that are posted on one queue pair
 * @param inlineMaxBytes the inline bytes that queue pairs are made for
 * @param workersPerNic the number of threads of a device
 * @param sliceBytes the usual size of a request
 * @param tailBytes a rest of up to this size is added to the request before it
 * @param refusalsMax how often in a row a peer may refuse to connect before its transfers fail
 * @param memoryRegionMaxBytes larger registrations are split
 * @param parallelRegistration whether all devices register at the same time: 1 yes, 0 no, -1 if it
 *     is faster
 * @param sameName whether a peer's device with our device's name is preferred
 * @param rails for some of our devices, the peers' devices that they may use; all for the others
 * @param noRoutePause how long a pair of devices without a route is not tried again
 * @param relaxedOrdering whether memory is registered for relaxed ordering of PCI writes
 * @param bindAddress the host in our NIC paths, if that is not the segment's
 * @param fallBackAfter how long a transfer may be without a path before another transport gets it;
 *     zero for never
 * @param busyPollNanos how long a worker polls at least before it sleeps, if it may at all
 */
record RdmaSettings(
    int port,
    int pkeyIndex,
    int gidIndex,
    int gidRetries,
    int trafficClass,
    int serviceLevel,
    int mtuBytes,
    int completionQueueEntries,
    int endpointsPerNic,
    int endpointsPerAddress,
    int queuePairsPerEndpoint,
    int sgeMax,
    int workRequestsMax,
    int inlineMaxBytes,
    int workersPerNic,
    int sliceBytes,
    int tailBytes,
    int refusalsMax,
    long memoryRegionMaxBytes,
    int parallelRegistration,
    boolean sameName,
    Map<String, List<String>> rails,
    Duration noRoutePause,
    boolean relaxedOrdering,
    Optional<String> bindAddress,
    Duration fallBackAfter,
    long busyPollNanos) {

  static RdmaSettings of(Settings settings, TransportPolicy policy) {
    int slice = settings.get(RdmaOptions.SLICE_SIZE);
    String bind = settings.get(RdmaOptions.RDMA_BIND_ADDRESS);
    return new RdmaSettings(
        settings.get(RdmaOptions.IB_PORT),
        settings.get(RdmaOptions.PKEY_INDEX),
        settings.get(RdmaOptions.GID_INDEX),
        settings.get(RdmaOptions.AUTO_GID_MAX_RETRIES),
        settings.get(RdmaOptions.IB_TC),
        settings.get(RdmaOptions.IB_SL),
        settings.get(RdmaOptions.MTU),
        settings.get(RdmaOptions.MAX_CQE_PER_CTX),
        settings.get(RdmaOptions.MAX_EP_PER_CTX),
        settings.get(LimitOptions.RDMA_ENDPOINTS_PER_ADDRESS),
        settings.get(RdmaOptions.NUM_QP_PER_EP),
        settings.get(RdmaOptions.MAX_SGE),
        settings.get(RdmaOptions.MAX_WR),
        settings.get(RdmaOptions.MAX_INLINE),
        settings.get(RdmaOptions.WORKERS_PER_CTX),
        slice,
        slice / settings.get(RdmaOptions.FRAGMENT_RATIO),
        settings.get(RdmaOptions.RETRY_CNT),
        settings.get(RdmaOptions.MAX_MR_SIZE),
        settings.get(RdmaOptions.ENABLE_PARALLEL_REG_MR),
        settings.get(RdmaOptions.ENABLE_DEST_DEVICE_AFFINITY),
        settings.get(RdmaOptions.ENABLE_HCA_PEER_AFFINITY)
            ? NicPeerAffinity.parse(settings.get(RdmaOptions.NIC_PEER_AFFINITY))
            : Map.of(),
        Duration.ofSeconds(settings.get(RdmaOptions.RDMA_RAIL_PAUSE_SECONDS)),
        settings.get(RdmaOptions.IB_PCI_RELAXED_ORDERING) != 0,
        bind.isEmpty() ? Optional.empty() : Optional.of(bind),
        policy.fallBackAfter(),
        TimeUnit.MICROSECONDS.toNanos(Math.max(0, settings.get(Options.BUSY_POLL))));
  }

  /** {@return the largest request: a slice and the tail that goes with it} */
  int requestMaxBytes() {
    return sliceBytes + tailBytes;
  }

  /**
   * {@return the access that the devices give to registered memory (protocol section 9.3)} They may
   * always write on behalf of our own reads, and have to where peers write.
   *
   * @param rights what peers may do
   */
  int memoryAccess(AccessRights rights) {
    int access =
        Access.LOCAL_WRITE
            | (rights.mayWrite() ? Access.REMOTE_WRITE : 0)
            | (rights.mayRead() ? Access.REMOTE_READ : 0);
    return relaxedOrdering ? access | Access.RELAXED_ORDERING : access;
  }

  /**
   * {@return the access of a queue pair (protocol section 9.1)} C++ engines allow atomic operations
   * too. No memory here does, so they would never be served.
   *
   * @param reachesUs whether the peer may use our memory over it
   */
  static int queuePairAccess(boolean reachesUs) {
    return reachesUs
        ? Access.LOCAL_WRITE | Access.REMOTE_READ | Access.REMOTE_WRITE
        : Access.LOCAL_WRITE;
  }
}
