// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.access.PeerIdentity;
import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.recording.Audit;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.AccessControl;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Which peers reach our memory over their queue pairs, where the caller's policy makes a difference
 * between peers. A device knows queue pairs and memory regions, and not which queue pair is for
 * which region. So a queue pair reaches all that the rights of registrations let peers do, or
 * nothing.
 *
 * <p><b>New memory.</b> It is in the table of registrations before {@link #require} is called, and
 * at the devices afterwards. A queue pair is noted here before the table is looked at for it. So
 * either its access takes the new memory into account, or {@code require} finds it; then it is gone
 * before the memory can be reached.
 *
 * <p>Without a policy all of this does nothing. Thread-safe.
 */
final class ConnectionRights {
  /** Longer than an endpoint takes to end (2 s for what is posted, then the verbs). */
  private static final Duration END_LIMIT = Duration.ofSeconds(5);

  private final AccessControl access;
  private final RegionTable regions;
  private final Map<RdmaEndpoint, Grant> grants = new ConcurrentHashMap<>();

  /** Whose a connection is. Until it is known whether it reaches memory, it counts as if it did. */
  private static final class Grant {
    final List<PeerIdentity> peers;
    volatile boolean reachesUs = true;

    Grant(List<PeerIdentity> peers) {
      this.peers = peers;
    }
  }

  ConnectionRights(AccessControl access, RegionTable regions) {
    this.access = access;
    this.regions = regions;
  }

  /**
   * Refuses a peer that asks for a connection over which it would reach nothing: it is better
   * served by another transport, where each request is looked at.
   *
   * @throws TransferException REJECT_HANDSHAKE; the text is for the peer
   */
  void requireReach(PeerIdentity peer) {
    if (access.mayDoAll(List.of(peer), regions.inOrder())) {
      return;
    }
    String why =
        "the access policy does not let this peer do all that the rights of the memory here allow,"
            + " and RDMA cannot make exceptions";
    access.audit().refused(Audit.Reason.POLICY, Audit.Port.RPC, peer, "an RDMA connection: " + why);
    throw new TransferException(
        ErrorCode.REJECT_HANDSHAKE, why, "Use TCP, where each request is looked at");
  }

  /**
   * {@return the access for the queue pairs of an endpoint that is about to be connected}
   *
   * @param peers the identities that the peer may have
   */
  int grant(RdmaEndpoint endpoint, List<PeerIdentity> peers) {
    if (!access.hasPolicy()) {
      return RdmaSettings.queuePairAccess(true);
    }
    grants.keySet().removeIf(RdmaEndpoint::isDestroyed);
    Grant made = new Grant(peers);
    grants.put(endpoint, made);
    made.reachesUs = access.mayDoAll(peers, regions.inOrder());
    return RdmaSettings.queuePairAccess(made.reachesUs);
  }

  /**
   * Ends the connections of peers that may not do all with memory which is about to be reachable,
   * and waits for their end.
   *
   * @throws TransferException ENDPOINT if one does not end
   */
  void require(List<Region> added) {
    if (!access.hasPolicy()) {
      return;
    }
    List<RdmaEndpoint> ending = new ArrayList<>();
    grants.forEach(
        (endpoint, grant) -> {
          if (grant.reachesUs && !endpoint.isDestroyed() && !access.mayDoAll(grant.peers, added)) {
            ending.add(endpoint);
            endpoint.close("the access policy says otherwise of new memory");
          }
        });
    long endNanos = System.nanoTime() + END_LIMIT.toNanos();
    for (RdmaEndpoint endpoint : ending) {
      if (!endpoint.awaitDestroyed(endNanos)) {
        throw new TransferException(
            ErrorCode.ENDPOINT,
            "%s still exists, and could reach the memory against the access policy"
                .formatted(endpoint),
            "Register the memory again later");
      }
    }
  }
}
