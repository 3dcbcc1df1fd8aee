// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import static io.transferengine.config.OptionGroup.OWN;

import java.util.List;

/** How much strangers may make us hold; part of {@link Options#all()}. */
public final class LimitOptions {
  private static final long MIB = 1L << 20;
  private static final long GIB = 1L << 30;

  /** Eight pieces of 32 KiB for each of the most I/O threads. */
  private static final long STAGING_MIN = 16 * MIB;

  /** An eighth: these and what is decoded of them leave most of the heap to the application. */
  private static final int PART_OF_HEAP = 8;

  /** What notifications may take that nobody has fetched yet. */
  public static final Option<Long> NOTIFICATIONS =
      new Option<>(
              OWN,
              "TE_NOTIFICATIONS_LIMIT_BYTES",
              "notificationsLimitBytes",
              Form.longSize(MIB, 16 * GIB),
              partOfHeap(8 * MIB, 64 * MIB))
          .unit("bytes")
          .defaultText("an eighth of the heap, 8 to 64 MiB")
          .means(
              "What notifications that wait to be fetched may take in all, at two bytes a character"
                  + " and 128 for each; further ones are refused and counted, and their senders are"
                  + " told.")
          .mooncake("Keeps them all.");

  /** The part of it that one address gets. */
  public static final Option<Long> NOTIFICATIONS_PER_PEER =
      new Option<>(
              OWN,
              "TE_NOTIFICATIONS_PER_PEER_LIMIT_BYTES",
              "notificationsPerPeerLimitBytes",
              Form.longSize(MIB, 16 * GIB),
              partOfHeap(8 * MIB, 64 * MIB) / 2)
          .unit("bytes")
          .defaultText("half of that")
          .means("The same for those that came from one address.");

  /** What the requests on the RPC port may take while they are under way. */
  public static final Option<Long> HANDSHAKE_PAYLOADS =
      new Option<>(
              OWN,
              "TE_HANDSHAKE_PAYLOADS_LIMIT_BYTES",
              "handshakePayloadsLimitBytes",
              Form.longSize(2 * MIB, 16 * GIB),
              partOfHeap(16 * MIB, 256 * MIB))
          .unit("bytes")
          .defaultText("an eighth of the heap, 16 to 256 MiB")
          .means(
              "What the payloads of requests on the RPC port may take while they are received and"
                  + " answered, all connections together; one address gets half of it. A request"
                  + " beyond it is closed and counted. Those of 8 KiB or less always pass.")
          .mooncake("Serves one request at a time.");

  /** The memory between sockets and registered memory. */
  public static final Option<Long> STAGING =
      new Option<>(
              OWN, "TE_STAGING_BYTES", "stagingBytes", Form.longSize(STAGING_MIN, GIB), STAGING_MIN)
          .unit("bytes")
          .means(
              "The memory that headers and small blocks pass through over TCP, in and out, for all"
                  + " connections together; taken when the engine opens. A quarter of it is kept"
                  + " for our own transfers. Peers whose requests find none left are served one"
                  + " request at a time.");

  static final List<Option<?>> ALL =
      List.of(STAGING, NOTIFICATIONS, NOTIFICATIONS_PER_PEER, HANDSHAKE_PAYLOADS);

  private LimitOptions() {}

  private static long partOfHeap(long min, long max) {
    return Math.clamp(Runtime.getRuntime().maxMemory() / PART_OF_HEAP, min, max);
  }
}
