// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.cli.faults.Changes;
import io.transferengine.cli.faults.CheckedMemory;
import io.transferengine.cli.faults.Range;
import io.transferengine.transfer.Operation;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;

/**
 * Says which bytes of the members' memories may have changed.
 *
 * <p>What a transfer may have done follows from how it ended: completed, its destination holds the
 * new bytes. Otherwise its initiator has written over its own ranges at once, which must stay; each
 * byte in the target may be old or new.
 *
 * <p>A fault that changes bytes can make a target write elsewhere, see {@link Changes}. If that is
 * the source of a transfer, the transfer may move what was written there.
 */
final class Account {
  private final List<Member> members;
  private final IntFunction<byte[]> contents;
  private final Optional<TakeBack> takeBack;

  /**
   * @param contents makes new content of a length
   * @param takeBack writes over what it takes back, so that it needs no other new content
   */
  Account(List<Member> members, IntFunction<byte[]> contents, Optional<TakeBack> takeBack) {
    this.members = members;
    this.contents = contents;
    this.takeBack = takeBack;
  }

  /** Says what a transfer may have changed. {@return whether it is done} */
  boolean add(Planned move, Outcome outcome, Optional<Changes> hit) {
    boolean certain =
        outcome.completed() && hit.map(changes -> !isUncertain(move, changes)).orElse(true);
    for (Planned.Span span : move.spans()) {
      byte[] content = move.source().memory().expected(move.sourceOffset(span), span.length());
      CheckedMemory destination = move.destination().memory();
      if (certain) {
        destination.gets(move.destinationOffset(span), content);
      } else {
        destination.mayGet(move.destinationOffset(span), content);
      }
      scribble(move, outcome, span);
      if (outcome.completed()
          && move.operation() == Operation.WRITE
          && takeBack
              .filter(taken -> taken.takes(move.source(), span.here(), span.length()))
              .isEmpty()) {
        move.source().memory().set(span.here(), contents.apply(span.length()));
      }
    }
    return certain;
  }

  /** The initiator has written over its range, unless the transfer completed. */
  private static void scribble(Planned move, Outcome outcome, Planned.Span span) {
    byte[] scribbled = new byte[span.length()];
    Arrays.fill(scribbled, move.scribble());
    if (outcome.unknown()) {
      move.initiator().memory().mayGet(span.here(), scribbled);
    } else if (!outcome.completed()) {
      move.initiator().memory().gets(span.here(), scribbled);
    }
  }

  private static boolean leadsTo(Changes changes, Member member) {
    return member.relays().stream().anyMatch(relay -> relay.port() == changes.port());
  }

  private static boolean isUncertain(Planned move, Changes changes) {
    if (!leadsTo(changes, move.target())) {
      return false;
    }
    for (Range range : changes.uncertain()) {
      long start = range.address() - move.target().base();
      for (Planned.Span span : move.spans()) {
        if (start < span.there() + span.length() && span.there() < start + range.length()) {
          return true;
        }
      }
    }
    return false;
  }

  /**
   * Says what may have changed because others arrived than were sent.
   *
   * @param outcomes of all transfers, which have been added
   */
  void add(Changes changes, Map<Planned, Outcome> outcomes) {
    if (changes.noticed()) {
      outcomes.forEach(
          (move, outcome) -> {
            if (move.operation() == Operation.WRITE
                && !outcome.completed()
                && leadsTo(changes, move.target())) {
              changes.written().forEach(bytes -> mayGet(move, bytes));
            }
          });
      return;
    }
    for (Member member : members) {
      if (leadsTo(changes, member)) {
        for (Changes.Bytes bytes : changes.written()) {
          mayGet(member, bytes);
          outcomes.forEach((move, outcome) -> mayCarry(move, outcome, member, bytes));
        }
      }
    }
    outcomes.forEach(
        (move, outcome) -> {
          if (move.operation() == Operation.READ
              && outcome.completed()
              && leadsTo(changes, move.target())) {
            changes.read().forEach(bytes -> mayGet(move, bytes));
          }
        });
  }

  /**
   * The source of a transfer may have held these bytes when it was read, over whichever connection.
   * No block overlaps another, so they go no further.
   */
  private static void mayCarry(Planned move, Outcome outcome, Member member, Changes.Bytes bytes) {
    boolean stays = move.operation() == Operation.READ && !outcome.completed();
    if (move.source() == member && !stays) {
      for (Planned.Span span : move.spans()) {
        mayGet(move, span, bytes.address() - member.base() - move.sourceOffset(span), bytes);
      }
    }
  }

  private static void mayGet(Planned move, Changes.Bytes bytes) {
    for (Planned.Span span : move.spans()) {
      mayGet(move, span, bytes.address() - move.target().base() - span.there(), bytes);
    }
  }

  /**
   * Bytes may be in the destination of a span, where they belong to it.
   *
   * @param start where the first of them belongs, from the begin of the span
   */
  private static void mayGet(Planned move, Planned.Span span, long start, Changes.Bytes bytes) {
    long from = Math.max(start, 0);
    long to = Math.min(start + bytes.length(), span.length());
    if (from < to) {
      move.destination()
          .memory()
          .mayGet(
              (int) (move.destinationOffset(span) + from),
              bytes.range((int) (from - start), (int) (to - start)));
    }
  }

  private static void mayGet(Member member, Changes.Bytes bytes) {
    long offset = bytes.address() - member.base();
    if (offset >= 0 && offset + bytes.length() <= member.memory().length()) {
      member.memory().mayGet((int) offset, bytes.range(0, bytes.length()));
    }
  }
}
