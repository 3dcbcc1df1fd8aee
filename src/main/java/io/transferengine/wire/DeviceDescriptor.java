// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

/**
 * One NIC of an RDMA segment (protocol section 4.1).
 *
 * @param name the device's name at its owner, such as {@code mlx5_0}
 * @param lid the port's LID, 0 to 65535; 0 on RoCE
 * @param gid 16 two-digit lower-case hex bytes joined by {@code :}
 */
public record DeviceDescriptor(String name, int lid, String gid) {}
