// SPDX-License-Identifier: Apache-2.0
/**
 * Moves bytes between engines of one user on one machine: the initiator copies them with system
 * calls, without the target's threads. ADR 39 says how memory can be taken back all the same.
 *
 * <pre>
 * as target      Area (entries, gates) · Leases (slots) · Fences (taking memory back)
 *                OurLife (how peers see that the process lives)
 * as initiator   LocalPeer (the way to one peer) &gt; Copies (who copies) &gt; Copier (calls through a gate)
 *                HeldLeases (slots at others)
 * both           LocalTransport · PeerAreas (whether what others say is true)
 * </pre>
 */
package io.transferengine.transport.local;
