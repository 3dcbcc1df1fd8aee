// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.time.Duration;
import java.util.function.Function;

/** The time that one question to a peer may take, all of its steps together. */
final class ControlTimeout {
  /** Beyond it nanoseconds would overflow. */
  private static final Duration MAX = Duration.ofDays(365);

  /** Sockets wait in whole milliseconds: what ends so close to the deadline ended by it. */
  private static final Duration ROUNDING = Duration.ofMillis(1);

  private final long endNanos;

  private ControlTimeout(Duration timeout) {
    endNanos = System.nanoTime() + timeout.toNanos();
  }

  /**
   * {@return what the question gives}
   *
   * @param question asks the peer; told the time that is left
   * @throws TransferException TIMEOUT if it failed and the time is over; as the question else;
   *     INVALID_ARGUMENT for a time that is not above zero
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

  /** {@return what is left; zero when it is over} */
  Duration left() {
    return Duration.ofNanos(Math.max(0, endNanos - System.nanoTime()));
  }

  /**
   * {@return the timeout, or a year if it is longer}
   *
   * @throws TransferException for one that is not above zero
   */
  static Duration checked(Duration timeout) {
    if (!timeout.isPositive()) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT, "A timeout of " + timeout, "It must be above zero");
    }
    return timeout.compareTo(MAX) < 0 ? timeout : MAX;
  }
}
