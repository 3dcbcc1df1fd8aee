// SPDX-License-Identifier: Apache-2.0
package io.transferengine.access;

/**
 * Decides which peer may read or write which registration; given to an engine by its configuration.
 * It narrows what the registration's {@link AccessRights} allow, and is not asked where those
 * already refuse. Without a policy every peer may do what the rights allow.
 *
 * <p><b>Over TCP</b> it is asked for each request; within a request with many ranges, for each
 * range that lies in another registration than the one before it. So its answer of now counts. It
 * is asked on the threads that move bytes: it must answer at once and must not block, or all peers
 * wait. Keep what it needs in memory.
 *
 * <p><b>Over RDMA</b> the network card decides, and it knows connections, not peers and
 * registrations. So a peer gets a connection only if the policy lets it do to every registration
 * all that the rights allow. Others are served over TCP, if they can use that. The policy is asked
 * when a connection is made, and about new memory before that can be reached: then the connections
 * of peers that may not do all with it are closed first. An answer that changes at another time
 * counts from the next connection on.
 *
 * <p>What it throws refuses. It is called by many threads at once. Memory that the engine allocates
 * lies in pools, each of which is one registration. An engine that moves bytes within its own
 * memory by its own segment's name is a peer of itself.
 */
public interface AccessPolicy {
  /**
   * {@return whether a peer may read from a registration}
   *
   * @param peer who asks
   * @param memory the registration
   */
  boolean mayRead(PeerIdentity peer, RegisteredRange memory);

  /**
   * {@return whether a peer may write to a registration}
   *
   * @param peer who asks
   * @param memory the registration
   */
  boolean mayWrite(PeerIdentity peer, RegisteredRange memory);
}
