// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.cli.target.EngineSetup;
import java.util.HashMap;
import java.util.Map;

/** A configuration of a group's engines. */
enum Variant {
  /** The defaults. */
  PLAIN,
  /** The protocol without answers to writes. */
  VERSION1,
  /** A connection for each request. */
  UNPOOLED,
  /** A descriptor for each transfer, and the JDK's sockets. */
  UNCACHED,
  /** Everything waits for everything. */
  NARROW,
  /** Checksums, with which a bit that is inverted does no harm. */
  CHECKED,
  /** Names in our HTTP metadata server. */
  SERVICE,
  /** Copies on one machine, or TCP where that is not possible. */
  AUTO,
  /** Copies on one machine from and to managed memory. */
  MANAGED;

  /** {@return variables of the environment} A busy machine may not look like a silent peer. */
  Map<String, String> variables() {
    Map<String, String> all = new HashMap<>(own());
    all.put("MC_TCP_STATUS_TIMEOUT_SEC", "20");
    all.put("TE_INBOUND_STALL_SECONDS", "20");
    return all;
  }

  private Map<String, String> own() {
    return switch (this) {
      case PLAIN, MANAGED -> Map.of();
      case VERSION1 -> Map.of("MC_TCP_PROTO", "1");
      case UNPOOLED -> Map.of("MC_TCP_ENABLE_CONNECTION_POOL", "0");
      case UNCACHED -> Map.of("MC_DISABLE_METACACHE", "1", "TE_TCP_IO", "nio");
      case NARROW ->
          Map.of(
              "MC_TCP_LANES_PER_PEER", "1",
              "MC_NUM_TCP_IO_THREADS", "1",
              "MC_TCP_MAX_QUEUED_TRANSFERS_PER_PEER", "3",
              "TE_TCP_LANE_WINDOW_BYTES", "65536");
      case CHECKED -> Map.of("TE_CHECKSUM", "require_crc32c");
      case SERVICE -> Map.of("TE_METADATA_TTL_SECONDS", "2");
      case AUTO -> Map.of("TE_LOCAL", "auto");
    };
  }

  /** {@return whether engines of this protocol can have it} */
  boolean suits(String protocol) {
    return switch (this) {
      case PLAIN, SERVICE -> true;
      case VERSION1, UNPOOLED, NARROW, CHECKED -> protocol.equals(EngineSetup.TCP);
      case UNCACHED -> protocol.equals(EngineSetup.TCP) || protocol.equals(EngineSetup.LOCAL);
      case AUTO, MANAGED -> protocol.equals(EngineSetup.LOCAL);
    };
  }

  /**
   * {@return whether an orderly end in the middle of a write is noticed} Without answers to writes
   * it looks to the initiator like the end of a target that has done its work, and the last byte
   * can be read. Only a middlebox makes such an end out of a break.
   */
  boolean seesOrderlyEnds() {
    return this != VERSION1;
  }

  /** {@return whether peers use managed memory} */
  boolean isManaged() {
    return this == MANAGED;
  }

  boolean hasService() {
    return this == SERVICE;
  }
}
