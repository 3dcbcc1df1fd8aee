// SPDX-License-Identifier: Apache-2.0
/**
 * TLS from PEM files, and who may speak with us over it. {@link io.transferengine.tls.PeerTls} is
 * what the ports of an engine use; {@link io.transferengine.tls.PemFiles} serves the clients of
 * metadata services too.
 */
package io.transferengine.tls;
