// SPDX-License-Identifier: Apache-2.0
/**
 * TLS from PEM files, and who may speak with us over it. {@link io.transferengine.tls.PeerTls} is
 * what the ports of an engine use, with the tokens of {@link io.transferengine.tls.PeerToken}
 * beside it or alone; {@link io.transferengine.tls.PemFiles} serves the clients of metadata
 * services too. Our HTTP metadata server has {@link io.transferengine.tls.ServerTls} and, with its
 * clients, {@link io.transferengine.tls.BearerTokens}.
 */
package io.transferengine.tls;
