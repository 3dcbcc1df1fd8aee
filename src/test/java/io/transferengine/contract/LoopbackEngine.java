// SPDX-License-Identifier: Apache-2.0
package io.transferengine.contract;

import io.transferengine.config.Settings;
import io.transferengine.device.Devices;
import io.transferengine.engine.EngineCore;
import io.transferengine.engine.EngineOptions;
import io.transferengine.engine.LocalTopology;
import io.transferengine.transport.TransportProvider;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A whole engine on the loopback, on transports and devices that a test names. */
final class LoopbackEngine {
  private LoopbackEngine() {}

  /**
   * {@return an engine, to be closed by the caller}
   *
   * @param variables options, as in the environment
   */
  static EngineCore open(
      String protocol,
      Map<String, String> variables,
      List<? extends TransportProvider> providers,
      LocalTopology networks) {
    return open(protocol, variables, providers, networks, new Devices());
  }

  static EngineCore open(
      String protocol,
      Map<String, String> variables,
      List<? extends TransportProvider> providers,
      LocalTopology networks,
      Devices devices) {
    Map<String, String> options = new HashMap<>(variables);
    options.put("TE_LISTEN_ADDRESS", "127.0.0.1");
    return new EngineCore(
        new EngineOptions(
            "127.0.0.1",
            EngineOptions.P2P_HANDSHAKE,
            protocol,
            "",
            Settings.fromMap(options),
            Optional.empty(),
            Optional.empty(),
            Optional.empty()),
        () -> List.copyOf(providers),
        (_, _) -> networks,
        devices);
  }
}
