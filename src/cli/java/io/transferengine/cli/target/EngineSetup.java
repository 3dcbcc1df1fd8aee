// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.target;

import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.cli.console.CommandException;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.TransferException;
import java.util.List;

/**
 * The engine of one side of a measurement.
 *
 * @param protocol tcp, or rdma or local, which then is required: no other transport may produce the
 *     figure; or {@link #EITHER}
 * @param host the name or address for the other side
 * @param device the RDMA devices to use, separated by commas; empty for all
 */
public record EngineSetup(String protocol, String host, String device) {
  public static final String TCP = "tcp";
  public static final String RDMA = "rdma";

  /** Copies on one machine, whatever the engine's protocol is. */
  public static final String LOCAL = "local";

  /** TCP, and copies for who asks for them. */
  public static final String EITHER = "either";

  /** {@return the protocol of an engine that moves bytes by this one} */
  public static String engineProtocol(String protocol) {
    return protocol.equals(LOCAL) || protocol.equals(EITHER) ? TCP : protocol;
  }

  /** {@return the same side without copies on one machine} */
  public EngineSetup overTcp() {
    return new EngineSetup(TCP, host, "");
  }

  /** {@return a side that listens only on {@code host}, an address of this machine} */
  public EngineConfig.Builder onThisMachine() {
    return onNetwork().listenAddress(host).useIpv6(host.contains(":"));
  }

  /** {@return a side that listens on all addresses} */
  public EngineConfig.Builder onNetwork() {
    return Configs.network(host)
        .protocol(engineProtocol(protocol))
        .local(localMode())
        .deviceName(device)
        .requireRdma(protocol.equals(RDMA));
  }

  private LocalMode localMode() {
    return switch (protocol) {
      case LOCAL -> LocalMode.REQUIRED;
      case EITHER -> LocalMode.AUTO;
      default -> LocalMode.OFF;
    };
  }

  /** {@return the options of {@link TargetAgentCommand} for this side} */
  List<String> arguments() {
    return List.of("--protocol=" + protocol, "--host=" + host, "--device=" + device);
  }

  /**
   * {@return an engine}
   *
   * @throws CommandException if this machine lacks something
   */
  public static Engine open(EngineConfig config) {
    try {
      return Engine.open(config);
    } catch (TransferException e) {
      if (e.code() == ErrorCode.DEVICE_NOT_FOUND) {
        throw CommandException.lacks(
            e.getMessage() + " (" + CommandEnvironment.current().toType("doctor") + ")");
      }
      throw e;
    }
  }
}
