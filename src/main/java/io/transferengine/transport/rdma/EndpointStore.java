// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.metrics.Counter;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.Function;

/**
 * The endpoints of one device, by the peer's NIC path. If the store is full, it closes the endpoint
 * that we have not used for longest. That endpoint drains first. Its peer notices when it posts,
 * and connects again. Thread-safe.
 */
final class EndpointStore {
  private final RdmaDevice device;
  private final int limit;
  private final Function<String, RdmaEndpoint> maker;
  private final ConcurrentMap<String, RdmaEndpoint> endpoints = new ConcurrentHashMap<>();

  /**
   * Creates an empty store.
   *
   * @param limit the highest number of endpoints
   * @param maker makes the queue pairs towards a NIC path; may block
   */
  EndpointStore(RdmaDevice device, int limit, Function<String, RdmaEndpoint> maker) {
    this.device = device;
    this.limit = limit;
    this.maker = maker;
  }

  Optional<RdmaEndpoint> find(String peerPath) {
    return Optional.ofNullable(endpoints.get(peerPath));
  }

  /** {@return the endpoint towards a NIC of a peer; it is made if it does not exist} */
  RdmaEndpoint getOrCreate(String peerPath) {
    RdmaEndpoint known = endpoints.get(peerPath);
    if (known != null) {
      return known;
    }
    if (endpoints.size() >= limit) {
      evict();
    }
    // Made outside of any lock, since that is a system call. If two threads race, one result is
    // closed.
    RdmaEndpoint made = maker.apply(peerPath);
    RdmaEndpoint raced = endpoints.putIfAbsent(peerPath, made);
    if (raced != null) {
      made.close("another thread was faster");
      return raced;
    }
    return made;
  }

  /** Removes an endpoint, unless another one has taken its place. */
  void remove(RdmaEndpoint endpoint) {
    endpoints.remove(endpoint.peerPath(), endpoint);
  }

  private void evict() {
    RdmaEndpoint oldest = null;
    for (RdmaEndpoint endpoint : endpoints.values()) {
      boolean candidate =
          endpoint.state() == RdmaEndpoint.State.CONNECTED
              && !endpoint.sender().map(RdmaEndpoint.Sender::isBusy).orElse(false);
      if (candidate && (oldest == null || endpoint.usedNanos() - oldest.usedNanos() < 0)) {
        oldest = endpoint;
      }
    }
    if (oldest == null) {
      throw TransferException.withDevice(
          device.name(),
          ErrorCode.TOO_MANY_REQUESTS,
          "all " + limit + " endpoints are busy",
          "Raise MC_MAX_EP_PER_CTX (the device has a limit too), or use fewer peers at once",
          null);
    }
    device.metrics().increment(Counter.RDMA_ENDPOINTS_EVICTED);
    oldest.close("it made room for another endpoint");
  }

  List<RdmaEndpoint> all() {
    return List.copyOf(endpoints.values());
  }
}
