// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.access.AccessPolicy;
import io.transferengine.config.Settings;
import java.util.Optional;
import java.util.concurrent.Executor;
import javax.net.ssl.SSLContext;

/**
 * The arguments of an engine.
 *
 * @param localHostname our host as peers reach it, perhaps with a port, which peer-to-peer mode
 *     ignores
 * @param metadataServer a connection string of protocol section 1
 * @param protocol {@code tcp}, {@code rdma}, or empty for the best
 * @param deviceName network devices to use; empty for all
 * @param settings the options
 * @param executor completes futures; empty for virtual threads
 * @param accessPolicy which peer may reach which registration; empty if all may
 * @param tls the caller's TLS in place of that of the options; empty for that
 */
public record EngineOptions(
    String localHostname,
    String metadataServer,
    String protocol,
    String deviceName,
    Settings settings,
    Optional<Executor> executor,
    Optional<AccessPolicy> accessPolicy,
    Optional<SSLContext> tls) {
  /** Instead of a metadata server: peers ask each other (protocol section 1). */
  public static final String P2P_HANDSHAKE = "P2PHANDSHAKE";
}
