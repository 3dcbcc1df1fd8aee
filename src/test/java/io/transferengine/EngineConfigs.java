// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

/** Configurations of engines on the loopback. */
final class EngineConfigs {
  private EngineConfigs() {}

  /** An engine that a metadata service knows under a name. */
  static EngineConfig.Builder named(String name, String metadataServer) {
    return EngineConfig.builder(name)
        .metadataServer(metadataServer)
        .protocol("tcp")
        .tcpBindAddress("127.0.0.1")
        .transferTimeoutSeconds(10);
  }
}
