// SPDX-License-Identifier: Apache-2.0
/**
 * Moves bytes between engines of one user on one machine: the initiator copies them with system
 * calls, without the target's threads. ADR 39 says how memory can be taken back all the same.
 *
 * <pre>
 * as target      Area (words, gates) · Leases (slots) · Fences (taking memory back)
 * as initiator   LocalPeer (the way to one peer) &gt; PeerCopies (calls through a gate) &gt; Copier (one call)
 * both           LocalTransport
 * </pre>
 */
package io.transferengine.transport.local;
