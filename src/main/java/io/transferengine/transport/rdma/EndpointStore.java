// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.config.LimitOptions;
import io.transferengine.events.EngineEvent;
import io.transferengine.metrics.Counter;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.SegmentDescriptor;
import java.net.InetAddress;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The endpoints of one device, by the peer's NIC path. If the store is full, it closes the endpoint
 * that we have not used for longest. That endpoint drains first. Its peer notices when it posts,
 * and connects again.
 *
 * <p>Anybody may ask for an endpoint, under any name. So those that an address has asked for have a
 * limit of their own, and beyond it one of them makes room: not that of another peer.
 *
 * <p>Thread-safe. Endpoints that are being closed do not count for an address, and threads that
 * make endpoints at the same time may each add one more: there are a handful of those threads.
 */
final class EndpointStore {
  private final RdmaDevice device;
  private final int limit;
  private final Function<String, RdmaEndpoint> maker;
  private final ConcurrentMap<String, Known> endpoints = new ConcurrentHashMap<>();

  /**
   * An endpoint.
   *
   * @param askedBy the address whose message it was made for; null if we wanted it ourselves
   */
  private record Known(RdmaEndpoint endpoint, @Nullable InetAddress askedBy) {}

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
    return Optional.ofNullable(endpoints.get(peerPath)).map(Known::endpoint);
  }

  /** {@return the endpoint towards a NIC of a peer; it is made if it does not exist} */
  RdmaEndpoint getOrCreate(String peerPath) {
    return getOrCreate(peerPath, null);
  }

  /**
   * {@return as above, for a message of a peer}
   *
   * @param from the address that it came from
   * @throws TransferException if there is none, and that address has its share already
   */
  RdmaEndpoint getOrCreateFor(InetAddress from, String peerPath) {
    return getOrCreate(peerPath, from);
  }

  private RdmaEndpoint getOrCreate(String peerPath, @Nullable InetAddress from) {
    Known known = endpoints.get(peerPath);
    if (known != null) {
      return known.endpoint;
    }
    if (from != null) {
      keepToShare(from);
    }
    if (endpoints.size() >= limit) {
      evict(
          endpoints.values().stream().map(Known::endpoint).toList(),
          "all " + limit + " endpoints are busy",
          "Raise MC_MAX_EP_PER_CTX (the device has a limit too), or use fewer peers at once");
    }
    // Made outside of any lock, since that is a system call. If two threads race, one result is
    // closed.
    RdmaEndpoint made = maker.apply(peerPath);
    Known raced = endpoints.putIfAbsent(peerPath, new Known(made, from));
    if (raced != null) {
      made.close("another thread was faster");
      return raced.endpoint;
    }
    return made;
  }

  private void keepToShare(InetAddress from) {
    int share = device.settings().endpointsPerAddress();
    List<RdmaEndpoint> own =
        endpoints.values().stream()
            .filter(each -> from.equals(each.askedBy) && !each.endpoint.isClosing())
            .map(Known::endpoint)
            .toList();
    if (own.size() >= share) {
      evict(
          own,
          "%s has asked for %d endpoints, and none of them can be closed (%s)"
              .formatted(
                  from.getHostAddress(), own.size(), LimitOptions.RDMA_ENDPOINTS_PER_ADDRESS),
          "Raise it here if that many devices are behind the address");
    }
  }

  /** Removes an endpoint, unless another one has taken its place. */
  void remove(RdmaEndpoint endpoint) {
    var _ =
        endpoints.computeIfPresent(
            endpoint.peerPath(), (_, known) -> known.endpoint == endpoint ? null : known);
  }

  private void evict(Collection<RdmaEndpoint> among, String full, String remedy) {
    RdmaEndpoint oldest = null;
    for (RdmaEndpoint endpoint : among) {
      boolean candidate =
          endpoint.state() == RdmaEndpoint.State.CONNECTED
              && !endpoint.sender().map(RdmaEndpoint.Sender::isBusy).orElse(false);
      if (candidate && (oldest == null || endpoint.usedNanos() - oldest.usedNanos() < 0)) {
        oldest = endpoint;
      }
    }
    if (oldest == null) {
      throw TransferException.withDevice(
          device.name(), ErrorCode.TOO_MANY_REQUESTS, full, remedy, null);
    }
    device
        .metrics()
        .happened(
            EngineEvent.Kind.LIMIT_REACHED,
            Counter.RDMA_ENDPOINTS_EVICTED,
            SegmentDescriptor.RDMA,
            oldest.peerPath(),
            "it made room for another endpoint");
    oldest.close("it made room for another endpoint");
  }

  /** {@return how many there are} */
  int size() {
    return endpoints.size();
  }

  List<RdmaEndpoint> all() {
    return endpoints.values().stream().map(Known::endpoint).toList();
  }
}
