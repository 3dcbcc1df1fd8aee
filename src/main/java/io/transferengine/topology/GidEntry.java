// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import java.util.Optional;

/**
 * A filled row of a port's GID table.
 *
 * @param index its number, 0 or more
 * @param gid the address
 * @param type the kind of packets
 * @param netdev its network interface, if any
 */
public record GidEntry(int index, Gid gid, GidType type, Optional<String> netdev) {}
