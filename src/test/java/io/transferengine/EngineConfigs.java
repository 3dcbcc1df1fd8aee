// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.config.Option;
import io.transferengine.config.Options;
import io.transferengine.transfer.LocalMode;
import java.util.Map;

/** Configurations of engines on the loopback. */
final class EngineConfigs {
  private EngineConfigs() {}

  /** An engine that a metadata service knows under a name. */
  static EngineConfig.Builder named(String name, String metadataServer) {
    return EngineConfig.builder(name)
        .metadataServer(metadataServer)
        .protocol("tcp")
        .local(LocalMode.OFF)
        .tcpBindAddress("127.0.0.1")
        .transferTimeoutSeconds(10);
  }

  /** As above, with what these variables say. */
  static EngineConfig.Builder named(
      String name, String metadataServer, Map<String, String> environment) {
    EngineConfig.Builder builder = named(name, metadataServer);
    for (Option<?> option : Options.all()) {
      String text = environment.get(option.environmentName());
      if (text != null) {
        set(builder, option, text);
      }
    }
    return builder;
  }

  private static <T> void set(EngineConfig.Builder builder, Option<T> option, String text) {
    var _ = builder.set(option, option.parse(option.environmentName(), text));
  }
}
