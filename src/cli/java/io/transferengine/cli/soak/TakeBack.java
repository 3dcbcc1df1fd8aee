// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import static java.util.Objects.requireNonNull;

import io.transferengine.cli.faults.CheckedMemory;
import io.transferengine.transfer.Operation;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Memory that a process takes back, at a moment of its own, while its peers copy from and to it. As
 * soon as that is done it writes over the memory; then nothing may change there, whoever is in the
 * middle of what, until the memory is offered again: at once, or when all transfers have ended.
 */
final class TakeBack {
  private final Member victim;
  private final TakeBackOrder order;

  TakeBack(Member victim, TakeBackOrder order) {
    this.victim = victim;
    this.order = order;
  }

  /** The process begins to wait until it is time. */
  void begin() {
    String _ = victim.child().ask("take", order.text());
  }

  /** Waits until all of it is offered again. A process that was killed is another one by now. */
  void end(Deed deed) {
    if (!deed.kills(victim)) {
      victim.isAt(Long.parseLong(victim.child().ask("taken")));
      if (order.kind() == TakeBackOrder.Kind.CLOSE) {
        victim.child().hasOtherPorts();
      }
    }
  }

  /**
   * Says which bytes may have changed by it, after what the transfers may have done.
   *
   * @param contents what each transfer moved, as it was before
   * @param deed may have killed the process, perhaps before it came to it
   */
  void account(Map<Planned, Outcome> outcomes, Map<Planned, List<byte[]>> contents, Deed deed) {
    if (order.kind() == TakeBackOrder.Kind.SHRINK) {
      // Zeros are nowhere else: who copies meets the end of the file, or an end of registrations.
      byte[] zeros = new byte[Layout.ALL_BYTES]; // Of a file.
      if (deed.kills(victim)) {
        victim.memory().mayGet(0, zeros);
      } else {
        victim.memory().gets(0, zeros);
      }
    }
    for (Layout.Part part : order.taken()) {
      byte[] scribbled = scribbled(part.length());
      if (deed.kills(victim)) {
        victim.memory().mayGet(part.offset(), scribbled);
      } else {
        victim.memory().gets(part.offset(), scribbled);
      }
    }
    outcomes.forEach(
        (move, outcome) -> {
          for (int i = 0; i < move.spans().size(); i++) {
            account(move, outcome, move.spans().get(i), requireNonNull(contents.get(move)).get(i));
          }
        });
  }

  private void account(Planned move, Outcome outcome, Planned.Span span, byte[] content) {
    CheckedMemory memory = victim.memory();
    if (takes(move.initiator(), span.here(), span.length()) && !outcome.completed()) {
      // The process has written over it twice, by two threads.
      byte[] own = new byte[span.length()];
      Arrays.fill(own, move.scribble());
      memory.mayGet(span.here(), own);
    }
    if (order.late()) {
      return;
    }
    if (takes(move.destination(), move.destinationOffset(span), span.length())) {
      memory.mayGet(move.destinationOffset(span), content);
    }
    if (takes(move.source(), move.sourceOffset(span), span.length())
        && mayHaveArrived(move, outcome)) {
      move.destination().memory().mayGet(move.destinationOffset(span), scribbled(span.length()));
    }
  }

  /** What a read brought that did not complete is written over at once. */
  private static boolean mayHaveArrived(Planned move, Outcome outcome) {
    return move.operation() == Operation.WRITE || outcome.completed() || outcome.unknown();
  }

  /** {@return whether one of these bytes of a member is taken back} */
  boolean takes(Member member, int offset, int length) {
    return member == victim
        && order.taken().stream()
            .anyMatch(
                part -> offset < part.offset() + part.length() && part.offset() < offset + length);
  }

  private byte[] scribbled(int length) {
    byte[] bytes = new byte[length];
    Arrays.fill(bytes, order.scribble());
    return bytes;
  }

  TakeBackOrder.Kind kind() {
    return order.kind();
  }

  int afterMicros() {
    return order.afterMicros();
  }

  @Override
  public String toString() {
    return " %s %s of %s after %d us%s"
        .formatted(
            order.kind(),
            order.parts(),
            victim.name(),
            order.afterMicros(),
            order.late() ? ", back late" : "");
  }
}
