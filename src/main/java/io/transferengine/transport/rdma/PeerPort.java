// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.topology.Gid;

/**
 * Where a peer's device is.
 *
 * @param gid the address of its port
 * @param lid on InfiniBand; 0 on RoCE
 * @param mtuBytes the MTU of its port; 0 when it does not tell
 */
record PeerPort(Gid gid, int lid, int mtuBytes) {}
