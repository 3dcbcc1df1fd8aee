// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.target;

import io.transferengine.EngineConfig;

/** How the command opens its engines: as the environment says, TCP, without a metadata server. */
public final class Configs {
  public static final String LOOPBACK = "127.0.0.1";

  private Configs() {}

  /** Reachable from this machine alone. */
  public static EngineConfig.Builder loopback() {
    return network(LOOPBACK).listenAddress(LOOPBACK).useIpv6(false);
  }

  /** Reachable by others, under {@code host}. */
  static EngineConfig.Builder network(String host) {
    return EngineConfig.fromEnvironment(host).protocol("tcp").metadataServer("P2PHANDSHAKE");
  }
}
