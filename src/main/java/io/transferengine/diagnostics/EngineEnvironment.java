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

/**
 * What the environment variables say to an engine, as far as a report needs it. All variables are
 * in {@code docs/CONFIGURATION.md}. Immutable.
 */
public final class EngineEnvironment {
  private final Settings settings;

  private EngineEnvironment(Settings settings) {
    this.settings = settings;
  }

  /**
   * {@return the environment of this process}
   *
   * @throws ConfigurationException for a variable that is malformed or out of range
   */
  public static EngineEnvironment current() {
    return new EngineEnvironment(Settings.fromEnvironment());
  }

  /**
   * {@return what these variables would say in place of this process's}
   *
   * @param variables texts by the names of variables; those that are absent have their defaults
   * @throws ConfigurationException for a variable that is malformed or out of range
   */
  public static EngineEnvironment of(Map<String, String> variables) {
    return new EngineEnvironment(
        Settings.fromMap(Objects.requireNonNull(variables, "variables must not be null")));
  }

  /** {@return what is well-formed but has no effect, or another one than meant; a sentence each} */
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

  /** {@return which RDMA devices may be used, {@code MC_TE_FILTERS}; empty for all} */
  public String deviceFilters() {
    return settings.get(RdmaOptions.TE_FILTERS);
  }

  /** {@return which port of each RDMA device is used, {@code MC_IB_PORT}; 1 to 255} */
  public int rdmaPort() {
    return settings.get(RdmaOptions.IB_PORT);
  }

  /** {@return the index of the GID to use, {@code MC_GID_INDEX}; -1 for the best one} */
  public int gidIndex() {
    return settings.get(RdmaOptions.GID_INDEX);
  }

  /** {@return the RDMA packet size that is asked for, {@code MC_MTU}; 256 to 4096 bytes} */
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
