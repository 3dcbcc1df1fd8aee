// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.transfer.Operation;
import java.util.List;

/**
 * A transfer of a round.
 *
 * @param cancelMillis when it is canceled; of one that is done often, which time; negative for
 *     never
 * @param times how often it is done, one after the other, as long as it completes
 */
record Planned(
    Operation operation,
    Member initiator,
    Member target,
    int limitMillis,
    int cancelMillis,
    int times,
    byte scribble,
    List<Span> spans) {

  /**
   * A block of it, as offsets in both memories.
   *
   * @param here in the initiator's
   * @param there in the target's
   */
  record Span(int here, int there, int length) {}

  Member source() {
    return operation == Operation.WRITE ? initiator : target;
  }

  Member destination() {
    return operation == Operation.WRITE ? target : initiator;
  }

  int sourceOffset(Span span) {
    return operation == Operation.WRITE ? span.here() : span.there();
  }

  int destinationOffset(Span span) {
    return operation == Operation.WRITE ? span.there() : span.here();
  }

  /** {@return the same, with time enough and never canceled} */
  Planned patient(int millis) {
    return new Planned(operation, initiator, target, millis, -1, 1, scribble, spans);
  }

  /** {@return what the initiator is told; its target may have come back elsewhere} */
  Move move() {
    return new Move(
        operation,
        target.segment(),
        limitMillis,
        cancelMillis,
        times,
        scribble,
        spans.stream()
            .map(span -> new Move.Block(span.here(), target.base() + span.there(), span.length()))
            .toList());
  }

  /** {@return the same, done so often within a limit} */
  Planned repeated(int often, int millis) {
    return new Planned(operation, initiator, target, millis, cancelMillis, often, scribble, spans);
  }

  long bytes() {
    return spans.stream().mapToLong(Span::length).sum();
  }

  @Override
  public String toString() {
    return "%s of %s, %s %d blocks, %d bytes%s, %d ms%s"
        .formatted(
            initiator.name(),
            target.name(),
            operation,
            spans.size(),
            bytes(),
            times > 1 ? ", " + times + " times" : "",
            limitMillis,
            cancelMillis < 0 ? "" : ", canceled after " + cancelMillis);
  }
}
