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
 * registrations. A connection can read all registrations that can be read, or none; and likewise it
 * can write all or none. A peer that may do something to some registrations and not to others, or
 * nothing at all, gets no connection over RDMA: it is served over TCP, if it can use that. The
 * policy is asked when a connection is made, and about new memory before it can be reached: then a
 * connection that does not fit any more is closed first. An answer that changes at another time
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
