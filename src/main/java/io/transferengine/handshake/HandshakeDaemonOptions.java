// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import java.util.function.Consumer;

/**
 * Where and how the daemon listens.
 *
 * @param listenAddress an address of this host; empty for all its addresses, IPv6 and IPv4
 * @param minPort the lowest port to choose from, 1 to 65535; if both are 0, the system chooses a
 *     free port
 * @param maxPort the highest port to choose from
 * @param backlog how many connections the system keeps until they are accepted, positive
 * @param maxFrameLengthBytes the longest frame that is read, at least 1024
 * @param connectionsLimit how many connections may be open at once, positive
 * @param connectionsPerAddressLimit how many of them may come from one address; 0 for half
 * @param payloadsLimitBytes the memory that the payloads of requests may take at once, all
 *     connections together, positive
 */
public record HandshakeDaemonOptions(
    String listenAddress,
    int minPort,
    int maxPort,
    int backlog,
    int maxFrameLengthBytes,
    int connectionsLimit,
    int connectionsPerAddressLimit,
    long payloadsLimitBytes) {
  /** The option that sets {@code payloadsLimitBytes}. */
  static final String PAYLOADS_LIMIT_NAME = "TE_HANDSHAKE_PAYLOADS_LIMIT_BYTES";

  /** The port range that the C++ engine chooses from. */
  public static final int MIN_PORT_DEFAULT = 15_000;

  /** The end of that range. */
  public static final int MAX_PORT_DEFAULT = 17_000;

  /** The C++ engine's {@code MC_HANDSHAKE_LISTEN_BACKLOG}. */
  public static final int BACKLOG_DEFAULT = 128;

  /** Enough for a large cluster that starts at once, even from one address, which may have half. */
  public static final int CONNECTIONS_LIMIT_DEFAULT = 1024;

  /** Sixteen of the longest frames. */
  public static final long PAYLOADS_LIMIT_DEFAULT_BYTES = 256L << 20;

  /** All addresses, and a random port of the default range. */
  public static final HandshakeDaemonOptions DEFAULT =
      new HandshakeDaemonOptions(
          "",
          MIN_PORT_DEFAULT,
          MAX_PORT_DEFAULT,
          BACKLOG_DEFAULT,
          FrameCodec.MAX_LENGTH_DEFAULT_BYTES,
          CONNECTIONS_LIMIT_DEFAULT,
          0,
          PAYLOADS_LIMIT_DEFAULT_BYTES);

  /** Checks the ranges. */
  public HandshakeDaemonOptions {
    boolean anyPort = minPort == 0 && maxPort == 0;
    if (!anyPort && (minPort < 1 || maxPort > HostPort.PORT_MAX || minPort > maxPort)) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "the RPC port range " + minPort + ".." + maxPort + " is not within 1..65535",
          "Give a minimum that is not above the maximum");
    }
    if (backlog < 1) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT, "the handshake backlog " + backlog + " is not positive", "");
    }
    FrameCodec.requireMaxLength(maxFrameLengthBytes);
    if (connectionsLimit < 1 || connectionsPerAddressLimit < 0) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "the limits for handshake connections, %d and %d for one address, are not positive"
              .formatted(connectionsLimit, connectionsPerAddressLimit),
          "");
    }
    if (payloadsLimitBytes < 1) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "the limit for handshake payloads, " + payloadsLimitBytes + ", is not positive",
          "");
    }
  }

  /** {@return these options with one port, 0 for any free one} */
  public HandshakeDaemonOptions withPort(int port) {
    return withPorts(port, port);
  }

  /** {@return these options with a range of ports} */
  public HandshakeDaemonOptions withPorts(int minPort, int maxPort) {
    return with(
        draft -> {
          draft.minPort = minPort;
          draft.maxPort = maxPort;
        });
  }

  /** {@return these options with another address to listen at} */
  public HandshakeDaemonOptions withListenAddress(String listenAddress) {
    return with(draft -> draft.listenAddress = listenAddress);
  }

  /** {@return these options with other limits for connections, in all and for one address} */
  public HandshakeDaemonOptions withConnections(int limit, int perAddressLimit) {
    return with(
        draft -> {
          draft.connectionsLimit = limit;
          draft.connectionsPerAddressLimit = perAddressLimit;
        });
  }

  /** {@return these options with another limit for the payloads of requests} */
  public HandshakeDaemonOptions withPayloadsLimitBytes(long payloadsLimitBytes) {
    return with(draft -> draft.payloadsLimitBytes = payloadsLimitBytes);
  }

  private HandshakeDaemonOptions with(Consumer<Draft> change) {
    Draft draft = new Draft(this);
    change.accept(draft);
    return new HandshakeDaemonOptions(
        draft.listenAddress,
        draft.minPort,
        draft.maxPort,
        draft.backlog,
        draft.maxFrameLengthBytes,
        draft.connectionsLimit,
        draft.connectionsPerAddressLimit,
        draft.payloadsLimitBytes);
  }

  /** A copy of options in which some are changed. */
  private static final class Draft {
    private String listenAddress;
    private int minPort;
    private int maxPort;
    private final int backlog;
    private final int maxFrameLengthBytes;
    private int connectionsLimit;
    private int connectionsPerAddressLimit;
    private long payloadsLimitBytes;

    Draft(HandshakeDaemonOptions of) {
      listenAddress = of.listenAddress;
      minPort = of.minPort;
      maxPort = of.maxPort;
      backlog = of.backlog;
      maxFrameLengthBytes = of.maxFrameLengthBytes;
      connectionsLimit = of.connectionsLimit;
      connectionsPerAddressLimit = of.connectionsPerAddressLimit;
      payloadsLimitBytes = of.payloadsLimitBytes;
    }
  }
}
