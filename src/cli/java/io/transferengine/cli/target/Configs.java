// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.target;

import io.transferengine.EngineConfig;

/**
 * The configuration of the command's engines: the environment, TCP, no metadata server. They are
 * several, in several processes, and one port is for one: figures are served for who asks for that.
 */
public final class Configs {
  public static final String LOOPBACK = "127.0.0.1";

  private Configs() {}

  /** Reachable only from this machine. */
  public static EngineConfig.Builder loopback() {
    return network(LOOPBACK).listenAddress(LOOPBACK).useIpv6(false);
  }

  /** Reachable by others, under {@code host}. */
  static EngineConfig.Builder network(String host) {
    return EngineConfig.fromEnvironment(host)
        .protocol("tcp")
        .metadataServer("P2PHANDSHAKE")
        .metricsPort(-1);
  }
}
