// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.events.TransferReport;
import io.transferengine.logging.LogKeys;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.TransferWork;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** What is said of a transfer: in the log, to its caller, and in reports. */
final class TransferWords {
  private TransferWords() {}

  /** {@return its description and state, for the log} */
  static String describe(TransferRequest request, @Nullable TransferWork running) {
    BlockColumns blocks = request.blocks();
    return "The %s of %d bytes in %d blocks, local from 0x%x, for %s (%s)"
        .formatted(
            request.operation(),
            blocks.totalBytes(),
            blocks.count(),
            blocks.count() == 0 ? 0 : blocks.local(0),
            request.target(),
            running == null ? "no work" : running.describe());
  }

  /** {@return what it moves and how far it is} */
  static String show(TransferRequest request, TransferState state, long moved) {
    return "Transfer[%s %s, target %s, %s, %d bytes moved]"
        .formatted(request.operation(), request.blocks(), request.target(), state, moved);
  }

  /**
   * {@return a report of what it moves, and of what}
   *
   * @param work of its last try; null if there is none
   * @param before the transport of the try before
   */
  static TransferReport.Builder report(
      TransferRequest request, @Nullable TransferWork work, String before) {
    BlockColumns all = request.blocks();
    TransferReport.Builder report =
        TransferReport.builder(request.operation(), request.target())
            .transport(work == null ? before : work.transport())
            .blocks(all.count(), all.totalBytes());
    if (request.traceParent().isPresent()) {
      report.traceParent(request.traceParent().get());
    }
    return work == null
        ? report
        : report.requests(work.requests(), work.requestsAgain(), work.lanes());
  }

  /** {@return what a line of the log about it is about} */
  static LogKeys keys(TransferReport report) {
    LogKeys keys =
        LogKeys.peer(report.target())
            .with("operation", report.operation())
            .with("transport", report.transport())
            .with("outcome", report.state())
            .with("bytes", report.bytes())
            .with("micros", TimeUnit.NANOSECONDS.toMicros(report.duration().toNanos()));
    if (report.traceParent().isPresent()) {
      keys = keys.with("trace", report.traceParent().get().traceId());
    }
    return report.cause().isPresent() ? keys.cause(report.cause().get()) : keys;
  }

  /**
   * {@return what has happened to it, and why it went over its transport}
   *
   * @param peer null if it was never found
   */
  static String explain(TransferReport report, @Nullable RemoteSegment peer) {
    return peer == null || report.transport().isEmpty()
        ? report.explain()
        : report.explain() + "; " + peer.explainChoice(report.transport());
  }

  /** {@return what set the deadline of a transfer, for the text of an error} */
  static String deadlineOrigin(TransferRequest request) {
    return request.timeout().isPresent()
        ? "The request's own timeout set the deadline, "
            + request.timeout().get().toMillis()
            + " ms"
        : "MC_TRANSFER_TIMEOUT sets the deadline";
  }
}
