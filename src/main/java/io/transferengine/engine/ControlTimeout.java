// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.time.Duration;
import java.util.function.Function;

/** The time for one question to a peer, all its steps together. */
final class ControlTimeout {
  /** Beyond it nanoseconds would overflow. */
  private static final Duration MAX = Duration.ofDays(365);

  /** Sockets wait in whole milliseconds: an end this close to the deadline came from it. */
  private static final Duration ROUNDING = Duration.ofMillis(1);

  private final long endNanos;

  private ControlTimeout(Duration timeout) {
    endNanos = System.nanoTime() + timeout.toNanos();
  }

  /**
   * {@return the answer to the question}
   *
   * @param question asks the peer; gets the time that is left
   * @throws TransferException TIMEOUT if it failed and the time is over, else as the question;
   *     INVALID_ARGUMENT if the time is not above zero
   */
  static <T> T within(Duration timeout, String peer, Function<ControlTimeout, T> question) {
    ControlTimeout left = new ControlTimeout(checked(timeout));
    try {
      return question.apply(left);
    } catch (TransferException e) {
      boolean network = e.code() == ErrorCode.SOCKET || e.code() == ErrorCode.DNS;
      if (!network || left.left().compareTo(ROUNDING) > 0) {
        throw e;
      }
      throw TransferException.withPeer(
          peer,
          ErrorCode.TIMEOUT,
          "no answer within " + timeout.toMillis() + " ms",
          "Is the peer alive and the network up?",
          e);
    }
  }

  /** {@return the time that is left; zero if it is over} */
  Duration left() {
    return Duration.ofNanos(Math.max(0, endNanos - System.nanoTime()));
  }

  /**
   * {@return the timeout, or a year if it is longer}
   *
   * @throws TransferException if it is not above zero
   */
  static Duration checked(Duration timeout) {
    if (!timeout.isPositive()) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT, "A timeout of " + timeout, "Give one above zero");
    }
    return timeout.compareTo(MAX) < 0 ? timeout : MAX;
  }
}
