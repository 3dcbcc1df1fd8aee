// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.topology.Gid;

/**
 * The address of a peer's device.
 *
 * @param gid the GID of its port
 * @param lid the LID of its port on InfiniBand; 0 on RoCE
 * @param mtuBytes the MTU of its port; 0 if the peer does not state it
 */
record PeerPort(Gid gid, int lid, int mtuBytes) {}
