// SPDX-License-Identifier: Apache-2.0
package io.transferengine.diagnostics;

import io.transferengine.config.MetadataOptions;
import io.transferengine.config.Options;
import io.transferengine.config.RdmaOptions;
import io.transferengine.config.Settings;
import io.transferengine.transfer.ConfigurationException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * The options that an engine would read from the environment, as far as a report needs them. All
 * variables are in {@code docs/CONFIGURATION.md}. Immutable.
 */
public final class EngineEnvironment {
  private final Settings settings;

  private EngineEnvironment(Settings settings) {
    this.settings = settings;
  }

  /**
   * {@return the environment of this process}
   *
   * @throws ConfigurationException if a variable is malformed or out of range
   */
  public static EngineEnvironment current() {
    return new EngineEnvironment(Settings.fromEnvironment());
  }

  /**
   * {@return the environment of these variables, instead of this process's}
   *
   * @param variables values by the names of variables; absent ones have their defaults
   * @throws ConfigurationException if a variable is malformed or out of range
   */
  public static EngineEnvironment of(Map<String, String> variables) {
    return new EngineEnvironment(
        Settings.fromMap(Objects.requireNonNull(variables, "variables must not be null")));
  }

  /**
   * {@return a sentence for each value that is valid but has no effect, or not the intended one}
   */
  public List<String> warnings() {
    return settings.warnings();
  }

  /** {@return the address of the metadata service, {@code MC_METADATA_SERVER}; empty for none} */
  public String metadataServer() {
    return settings.get(Options.METADATA_SERVER);
  }

  /** {@return the first port that an engine tries for handshakes, 1 to 65535} */
  public int firstRpcPort() {
    return settings.get(Options.MIN_RPC_PORT);
  }

  /** {@return the last port that an engine tries for handshakes, 1 to 65535} */
  public int lastRpcPort() {
    return settings.get(Options.MAX_RPC_PORT);
  }

  /**
   * {@return the hosts that peers are told to connect to, whatever an engine is called: {@code
   * MC_TCP_BIND_ADDRESS} and {@code TE_ADVERTISED_DATA_HOST}; may be none}
   */
  public List<String> advertisedHosts() {
    return Stream.of(
            Options.ADVERTISED_HOST, Options.TCP_BIND_ADDRESS, Options.ADVERTISED_DATA_HOST)
        .map(settings::get)
        .filter(host -> !host.isEmpty())
        .distinct()
        .toList();
  }

  /** {@return the RDMA devices that may be used, {@code MC_TE_FILTERS}; empty for all} */
  public String deviceFilters() {
    return settings.get(RdmaOptions.TE_FILTERS);
  }

  /**
   * {@return whether {@code MC_CUSTOM_TOPO_JSON} names a priority matrix, which is used as it is}
   */
  public boolean hasCustomTopology() {
    return !settings.get(Options.CUSTOM_TOPO_JSON).isEmpty();
  }

  /** {@return the port of each RDMA device, {@code MC_IB_PORT}; 1 to 255} */
  public int rdmaPort() {
    return settings.get(RdmaOptions.IB_PORT);
  }

  /** {@return the index of the GID to use, {@code MC_GID_INDEX}; -1 for the best one} */
  public int gidIndex() {
    return settings.get(RdmaOptions.GID_INDEX);
  }

  /** {@return the largest RDMA packet size, {@code MC_MTU}; 256 to 4096 bytes} */
  public int rdmaMtuBytes() {
    return settings.get(RdmaOptions.MTU);
  }

  String clusterId() {
    return settings.get(MetadataOptions.CLUSTER_ID);
  }

  Settings settings() {
    return settings;
  }
}
