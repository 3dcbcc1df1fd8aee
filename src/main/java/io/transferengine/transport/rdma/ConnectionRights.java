// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.access.PeerIdentity;
import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.recording.Audit;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.AccessControl;
import io.transferengine.transport.AccessControl.Extent;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What peers can do over their queue pairs, where the caller's policy makes a difference between
 * peers. A device checks the access of a queue pair and that of a memory region, but not one for
 * the other. So a queue pair can read all that peers may read, or nothing; and likewise write.
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

  /** What a connection can do. Until that is known, it counts as able to do anything. */
  private static final class Grant {
    final List<PeerIdentity> peers;
    volatile boolean read = true;
    volatile boolean write = true;

    Grant(List<PeerIdentity> peers) {
      this.peers = peers;
    }
  }

  ConnectionRights(AccessControl access, RegionTable regions) {
    this.access = access;
    this.regions = regions;
  }

  /**
   * Refuses a peer that asks for a connection over which it could do nothing, or with which it
   * could not do all that it may: such a peer is better served by another transport.
   *
   * @throws TransferException REJECT_HANDSHAKE; the text is for the peer
   */
  void requireUseful(PeerIdentity peer) {
    if (!access.hasPolicy()) {
      return;
    }
    Extent read = extent(List.of(peer), false);
    Extent write = extent(List.of(peer), true);
    boolean some = read == Extent.SOME || write == Extent.SOME;
    if (!some && (read == Extent.ALL || write == Extent.ALL)) {
      return;
    }
    String why =
        some
            ? "the access policy lets this peer use some memory and not other, which RDMA cannot"
                + " tell apart"
            : "the access policy lets this peer neither read nor write any memory";
    access.audit().refused(Audit.Reason.POLICY, peer, "an RDMA connection: " + why);
    throw new TransferException(
        ErrorCode.REJECT_HANDSHAKE,
        why,
        some ? "Use TCP, where each request is looked at" : "Ask who runs this engine for access");
  }

  private Extent extent(List<PeerIdentity> peers, boolean write) {
    return access.extent(peers, regions.inOrder(), write);
  }

  /**
   * {@return the access for the queue pairs of an endpoint that is about to be connected}
   *
   * @param peers the identities that the peer may have
   */
  int grant(RdmaEndpoint endpoint, List<PeerIdentity> peers) {
    if (!access.hasPolicy()) {
      return RdmaSettings.queuePairAccess(true, true);
    }
    grants.keySet().removeIf(RdmaEndpoint::isDestroyed);
    Grant made = new Grant(peers);
    grants.put(endpoint, made);
    made.read = extent(peers, false) == Extent.ALL;
    made.write = extent(peers, true) == Extent.ALL;
    return RdmaSettings.queuePairAccess(made.read, made.write);
  }

  /**
   * Ends the connections that do not fit memory which is about to be reachable, and waits for their
   * end.
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
          if (!endpoint.isDestroyed() && !fits(grant, added)) {
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

  private boolean fits(Grant grant, List<Region> added) {
    return fits(grant, added, grant.read, false) && fits(grant, added, grant.write, true);
  }

  private boolean fits(Grant grant, List<Region> added, boolean granted, boolean write) {
    Extent extent = access.extent(grant.peers, added, write);
    return granted ? extent == Extent.ALL : extent != Extent.SOME;
  }
}
