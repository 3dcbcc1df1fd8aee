// SPDX-License-Identifier: Apache-2.0
/**
 * The handshake of protocol section 5: the daemon that answers on the RPC port, in every metadata
 * mode, and the client that asks a peer's daemon.
 */
package io.transferengine.handshake;
