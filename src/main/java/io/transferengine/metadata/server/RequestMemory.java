// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import java.util.concurrent.atomic.LongAdder;

/**
 * What a server holds of requests under way, beside its records: more than a little of it is
 * limited. Thread-safe.
 *
 * @param heads of requests, beyond the first {@link HttpHead#FREE_BYTES} of each
 * @param bodies that are being received or stored
 * @param answers that are being sent, unless they are records
 * @param refused counts the requests for which there was no room
 */
record RequestMemory(HeldBytes heads, HeldBytes bodies, HeldBytes answers, LongAdder refused) {
  static RequestMemory of(long headsBytes, long bodiesBytes, long answersBytes) {
    LongAdder refused = new LongAdder();
    return new RequestMemory(
        new HeldBytes("heads of requests", headsBytes, refused),
        new HeldBytes("bodies of requests", bodiesBytes, refused),
        new HeldBytes("answers", answersBytes, refused),
        refused);
  }
}
