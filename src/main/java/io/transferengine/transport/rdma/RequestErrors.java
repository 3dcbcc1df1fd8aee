// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.TransferTask;
import java.util.Optional;

/**
 * What the first request that fails on a queue pair says: of the request, or of the path to the
 * peer. Confined to the endpoint's worker.
 */
final class RequestErrors {
  private final RdmaDevice device;
  private final EndpointEnds ends;

  RequestErrors(RdmaDevice device, EndpointEnds ends) {
    this.device = device;
    this.ends = ends;
  }

  /**
   * Takes note of it, and begins the end of the endpoint.
   *
   * @param position where the request has its place, the first one that is not settled
   */
  void first(RdmaEndpoint endpoint, SendQueue of, long position, int status, int vendorError) {
    TransferTask task = of.ring.task(position);
    long remote = of.ring.remote(position);
    int bytes = of.ring.length(position);
    boolean atPeer = WorkErrors.isPeersRefusal(status);
    if (atPeer && task == null) {
      // A probe: the peer's device has answered, though it lets us do nothing over this.
      endpoint.probed(true);
    }
    if (WorkErrors.isRequestsFault(status) && task != null) {
      if (atPeer) {
        device.metrics().increment(Counter.REQUESTS_REJECTED_BY_PEER);
      }
      TransferException failure =
          WorkErrors.ofRequest(
              endpoint.peerPath(),
              device.name(),
              status,
              vendorError,
              task.operation(),
              remote,
              bytes);
      of.blame(position, failure, atPeer ? FailureCause.STALE_DESCRIPTOR : FailureCause.LOCAL);
      ends.begin(endpoint, "a request was refused", Optional.empty());
    } else {
      TransferException failure =
          WorkErrors.ofPath(endpoint.peerPath(), device.name(), status, vendorError);
      ends.begin(endpoint, String.valueOf(failure.getMessage()), Optional.of(failure));
    }
  }
}
