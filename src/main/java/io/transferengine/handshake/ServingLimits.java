// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import java.time.Duration;

/**
 * What one daemon grants its clients. Only tests use others than {@link #DEFAULT}.
 *
 * @param readTimeout the longest wait for the next byte of a request
 * @param requestTimeLimit the longest time for a whole request to arrive, however steadily it
 *     trickles
 * @param handlerTimeLimit after this the handler's thread is interrupted
 * @param replyTimeLimit the longest time for a client to take the whole reply
 * @param closeTimeout how long a client may keep its end open after the reply
 */
record ServingLimits(
    Duration readTimeout,
    Duration requestTimeLimit,
    Duration handlerTimeLimit,
    Duration replyTimeLimit,
    Duration closeTimeout) {
  /** As in the C++ daemon. */
  static final Duration READ_TIMEOUT = Duration.ofSeconds(5);

  /** 16 MiB, the longest frame, at 10 Mbit/s: slower than any network this is used on. */
  static final Duration REQUEST_TIME_LIMIT = Duration.ofSeconds(15);

  /** Clients wait 60 s for a reply; nobody would read a later one. */
  static final Duration HANDLER_TIME_LIMIT = Duration.ofSeconds(60);

  /** Our own descriptor may be longer than any request that we take: twice the time. */
  static final Duration REPLY_TIME_LIMIT = Duration.ofSeconds(30);

  /** As in the C++ daemon. */
  static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5);

  static final ServingLimits DEFAULT =
      new ServingLimits(
          READ_TIMEOUT, REQUEST_TIME_LIMIT, HANDLER_TIME_LIMIT, REPLY_TIME_LIMIT, CLOSE_TIMEOUT);
}
