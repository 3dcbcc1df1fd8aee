// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

/**
 * The way in which a queue pair sends: the attributes of {@code ibv_modify_qp(3)} for the step to
 * state RTS.
 *
 * @param timeout a code for how long an answer may take: 4.096 µs times 2<sup>timeout</sup>; 1 to
 *     31, 0 for ever. 14 is 67 ms.
 * @param retryCount how often a packet is repeated, 0 to 7. With 7, rxe (seen on Linux 6.12)
 *     repeats for ever: if the peer's queue pair is gone, the request never ends. With 6 and
 *     timeout 14, it ends after half a second.
 * @param rnrRetry how often a packet is repeated if the peer has no receive posted, 0 to 6, 7 for
 *     ever
 * @param psn the first packet number, 24 bits
 * @param maxReadAtomicAsInitiator the most reads that may be under way, 0 to 255
 */
public record ReadyToSend(
    int timeout, int retryCount, int rnrRetry, int psn, int maxReadAtomicAsInitiator) {

  /**
   * Checks the ranges, since C would cut values that do not fit.
   *
   * @throws IllegalArgumentException if a value is out of its range, with its name
   */
  public ReadyToSend {
    Ranges.require("timeout", timeout, 0, 31);
    Ranges.require("retry count", retryCount, 0, 7);
    Ranges.require("RNR retry count", rnrRetry, 0, 7);
    Ranges.require("packet sequence number", psn, 0, 0xffffff);
    Ranges.require("reads out at once", maxReadAtomicAsInitiator, 0, 0xff);
  }
}
