// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.config.LimitOptions;
import io.transferengine.config.Option;

/** What strangers may make us hold, in {@link EngineConfig.Builder}. Not thread-safe. */
abstract sealed class LimitBuilder permits MetadataBuilder {
  LimitBuilder() {}

  /** Sets one option, and returns the builder. */
  abstract <T> EngineConfig.Builder set(Option<T> option, T value);

  /**
   * What notifications that wait to be fetched may take in all, at two bytes a character and 128
   * for each; further ones are refused and counted, and their senders are told. ({@code
   * TE_NOTIFICATIONS_LIMIT_BYTES})
   *
   * @param value a whole number of bytes, 1 MiB to 16 GiB
   * @return this builder
   */
  public EngineConfig.Builder notificationsLimitBytes(long value) {
    return set(LimitOptions.NOTIFICATIONS, value);
  }

  /**
   * The same for those that came from one address. ({@code TE_NOTIFICATIONS_PER_PEER_LIMIT_BYTES})
   *
   * @param value a whole number of bytes, 1 MiB to 16 GiB
   * @return this builder
   */
  public EngineConfig.Builder notificationsPerPeerLimitBytes(long value) {
    return set(LimitOptions.NOTIFICATIONS_PER_PEER, value);
  }

  /**
   * What the payloads of requests on the RPC port may take while they are received and answered,
   * all connections together; one address gets half of it. A request beyond it is closed and
   * counted. Those of 8 KiB or less always pass. ({@code TE_HANDSHAKE_PAYLOADS_LIMIT_BYTES})
   *
   * @param value a whole number of bytes, 2 MiB to 16 GiB
   * @return this builder
   */
  public EngineConfig.Builder handshakePayloadsLimitBytes(long value) {
    return set(LimitOptions.HANDSHAKE_PAYLOADS, value);
  }

  /**
   * The memory that headers and small blocks pass through over TCP, in and out, for all connections
   * together; taken when the engine opens. A quarter of it is kept for our own transfers. Peers
   * whose requests find none left are served one request at a time. ({@code TE_STAGING_BYTES})
   *
   * @param value a whole number of bytes, 16777216 (16 MiB) to 1073741824 (1 GiB)
   * @return this builder
   */
  public EngineConfig.Builder stagingBytes(long value) {
    return set(LimitOptions.STAGING, value);
  }
}
