// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.transfer.Operation;
import java.util.List;

/**
 * A transfer of a round.
 *
 * @param cancelMillis when it is canceled; negative for never
 */
record Planned(
    Operation operation,
    Member initiator,
    Member target,
    int limitMillis,
    int cancelMillis,
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
    return new Planned(operation, initiator, target, millis, -1, scribble, spans);
  }

  /** {@return what the initiator is told; its target may have come back elsewhere} */
  Move move() {
    return new Move(
        operation,
        target.segment(),
        limitMillis,
        cancelMillis,
        scribble,
        spans.stream()
            .map(span -> new Move.Block(span.here(), target.base() + span.there(), span.length()))
            .toList());
  }

  long bytes() {
    return spans.stream().mapToLong(Span::length).sum();
  }

  @Override
  public String toString() {
    return "%s of %s, %s %d blocks, %d bytes, %d ms%s"
        .formatted(
            initiator.name(),
            target.name(),
            operation,
            spans.size(),
            bytes(),
            limitMillis,
            cancelMillis < 0 ? "" : ", canceled after " + cancelMillis);
  }
}
