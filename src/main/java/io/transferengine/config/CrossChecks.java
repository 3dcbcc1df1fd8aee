// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import io.transferengine.transfer.ConfigurationException;
import java.util.List;

/** What single values cannot show: options that contradict each other. */
final class CrossChecks {
  /** What {@link #check} holds, for the configuration page. */
  static final List<String> RULES =
      List.of(
          "`MC_MIN_RPC_PORT` is at most `MC_MAX_RPC_PORT`.",
          "`TE_RPC_PORT` and `TE_DATA_PORT` differ, unless they are 0.");

  private CrossChecks() {}

  static void check(Settings settings) {
    int min = settings.get(Options.MIN_RPC_PORT);
    int max = settings.get(Options.MAX_RPC_PORT);
    if (min > max) {
      throw new ConfigurationException(
          Options.MIN_RPC_PORT.environmentName(),
          Integer.toString(min),
          "at most " + Options.MAX_RPC_PORT + ", which is " + max);
    }
    int rpcPort = settings.get(Options.RPC_PORT);
    int dataPort = settings.get(Options.DATA_PORT);
    if (rpcPort != 0 && rpcPort == dataPort) {
      throw new ConfigurationException(
          Options.RPC_PORT.environmentName(),
          Integer.toString(rpcPort),
          "another port than " + Options.DATA_PORT + ", which is " + dataPort + " too");
    }
  }
}
