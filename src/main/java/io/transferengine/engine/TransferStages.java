// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.events.TransferReport;

/**
 * The moments at which the stages of a transfer meet. Each is where one stage ends and the next
 * begins, so the stages add up to the whole: a moment that is not between its neighbours, such as
 * that of work that began after the transfer had been given up, counts as the nearest that is.
 *
 * @param submitted by {@link System#nanoTime()}, as are the others
 * @param begun when the peer's descriptor was there
 * @param started when a transport took the first bytes in hand
 * @param settled when the last request was settled
 * @param ended when its memory was given back
 */
record TransferStages(long submitted, long begun, long started, long settled, long ended) {

  /** Tells a report of them. */
  TransferReport.Builder of(TransferReport.Builder report) {
    long whole = Math.max(0, ended - submitted);
    long third = Math.clamp(settled - submitted, 0, whole);
    long second = Math.clamp(started - submitted, 0, third);
    long first = Math.clamp(begun - submitted, 0, second);
    return report.stages(first, second - first, third - second, whole - third);
  }
}
