// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.topology.Gid;

/**
 * A GID of one of our ports.
 *
 * @param index its place in the port's table
 * @param gid the address
 */
record LocalGid(int index, Gid gid) {}
