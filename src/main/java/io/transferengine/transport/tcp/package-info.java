// SPDX-License-Identifier: Apache-2.0
/**
 * Mooncake's TCP data protocol (protocol section 7) on Netty, in both roles: {@link
 * io.transferengine.transport.tcp.TargetConnection} serves peers, {@link
 * io.transferengine.transport.tcp.Lane} asks them. Netty appears in this package only.
 */
package io.transferengine.transport.tcp;
