// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.config.LimitOptions;
import io.transferengine.config.Options;
import io.transferengine.config.Settings;
import io.transferengine.transfer.ChecksumMode;
import io.transferengine.transfer.TcpIo;
import java.util.concurrent.TimeUnit;

/** The options that this transport heeds, read once. */
record TcpOptions(
    TcpIo io,
    int zeroCopyBytes,
    String listenAddress,
    int dataPort,
    int portMin,
    int portMax,
    int inboundConnectionsLimit,
    int inboundConnectionsPerAddressLimit,
    int inboundStallSeconds,
    int inboundSilenceSeconds,
    int stagingBlockBytes,
    long stagingBytes,
    long deviceStagingBytes,
    int ioThreads,
    long busyPollNanos,
    boolean connectionPool,
    int lanesPerPeer,
    int laneWindowBytes,
    int requestsOnWireLimit,
    boolean version1Only,
    ChecksumMode checksum,
    int statusTimeoutSeconds,
    int connectTimeoutSeconds) {

  static TcpOptions of(Settings settings) {
    return new TcpOptions(
        settings.get(Options.TCP_IO),
        settings.get(Options.TCP_ZERO_COPY),
        settings.get(Options.LISTEN_ADDRESS),
        settings.get(Options.DATA_PORT),
        settings.get(Options.MIN_RPC_PORT),
        settings.get(Options.MAX_RPC_PORT),
        settings.get(Options.MAX_INBOUND_CONNECTIONS),
        settings.get(LimitOptions.CONNECTIONS_PER_ADDRESS),
        settings.get(Options.INBOUND_STALL),
        settings.get(LimitOptions.INBOUND_SILENCE),
        settings.get(Options.TCP_SLICE_SIZE),
        settings.get(LimitOptions.STAGING),
        settings.get(LimitOptions.DEVICE_STAGING),
        settings.get(Options.TCP_IO_THREADS),
        TimeUnit.MICROSECONDS.toNanos(Math.max(0, settings.get(Options.BUSY_POLL))),
        settings.get(Options.TCP_ENABLE_CONNECTION_POOL),
        settings.get(Options.TCP_LANES_PER_PEER),
        settings.get(Options.TCP_LANE_WINDOW),
        Math.min(
            settings.get(Options.TCP_MAX_QUEUED_TRANSFERS_PER_PEER),
            settings.get(Options.TCP_MAX_PENDING_ADMISSIONS_PER_PEER)),
        settings.get(Options.TCP_PROTO) == 1,
        settings.get(Options.CHECKSUM),
        settings.get(Options.TCP_STATUS_TIMEOUT),
        settings.get(Options.HANDSHAKE_CONNECT_TIMEOUT));
  }
}
