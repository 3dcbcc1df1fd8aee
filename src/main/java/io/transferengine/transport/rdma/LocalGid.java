// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.topology.Gid;

/**
 * A GID of one of our ports.
 *
 * @param index its index in the port's table
 * @param gid the GID
 */
record LocalGid(int index, Gid gid) {}
