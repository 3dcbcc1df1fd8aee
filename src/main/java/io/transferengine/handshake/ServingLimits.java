// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import java.time.Duration;

/**
 * Time limits for the daemon's clients. Only tests use others than {@link #DEFAULT}.
 *
 * @param readTimeout the longest wait for the next byte of a request
 * @param requestTimeLimit the longest time in which a whole request must arrive
 * @param handlerTimeLimit the handler's thread is interrupted after this time
 * @param replyTimeLimit the longest time in which a client must take the whole reply
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

  /**
   * Enough for 16 MiB, the longest frame by default, at 10 Mbit/s, which is slower than any network
   * of a cluster.
   */
  static final Duration REQUEST_TIME_LIMIT = Duration.ofSeconds(15);

  /** Clients wait 60 s for a reply. Nobody would read a later one. */
  static final Duration HANDLER_TIME_LIMIT = Duration.ofSeconds(60);

  /** Our own descriptor may be longer than any request that we take, so this is twice as long. */
  static final Duration REPLY_TIME_LIMIT = Duration.ofSeconds(30);

  /** As in the C++ daemon. */
  static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5);

  static final ServingLimits DEFAULT =
      new ServingLimits(
          READ_TIMEOUT, REQUEST_TIME_LIMIT, HANDLER_TIME_LIMIT, REPLY_TIME_LIMIT, CLOSE_TIMEOUT);
}
