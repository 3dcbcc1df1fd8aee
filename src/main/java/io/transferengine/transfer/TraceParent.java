// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

import java.util.Objects;
import java.util.Optional;

/**
 * Which span of which trace something belongs to, as W3C's header {@code traceparent} says it:
 * {@code 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01}, the version, the trace's id, the
 * span's id and flags, in hexadecimal. Immutable; those with the same text are equal.
 */
public final class TraceParent {
  /** How many characters it has. */
  public static final int LENGTH = 55;

  private static final int TRACE_AT = 3;
  private static final int SPAN_AT = 36;
  private static final int FLAGS_AT = 53;
  private static final String NO_VERSION = "ff";

  private final String text;

  private TraceParent(String text) {
    this.text = text;
  }

  /**
   * {@return what a text says}
   *
   * @param text in the form of this class
   * @throws TransferException INVALID_ARGUMENT if it has another form
   */
  public static TraceParent of(String text) {
    Objects.requireNonNull(text, "text must not be null");
    if (!isOne(text)) {
      // Without the text: it may be anything, of any length.
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "A text of " + text.length() + " characters is no traceparent of W3C",
          "Give one such as 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    }
    return new TraceParent(text);
  }

  /**
   * {@return what a text says; empty if it has another form}
   *
   * @param text anybody's
   */
  public static Optional<TraceParent> find(String text) {
    Objects.requireNonNull(text, "text must not be null");
    return isOne(text) ? Optional.of(new TraceParent(text)) : Optional.empty();
  }

  /** Later versions may have more behind it. Then who reads this one cannot know what it means. */
  private static boolean isOne(String text) {
    if (text.length() != LENGTH) {
      return false;
    }
    for (int i = 0; i < LENGTH; i++) {
      boolean isDash = i == TRACE_AT - 1 || i == SPAN_AT - 1 || i == FLAGS_AT - 1;
      if (isDash ? text.charAt(i) != '-' : !isHex(text.charAt(i))) {
        return false;
      }
    }
    return !text.startsWith(NO_VERSION)
        && isSome(text, TRACE_AT, SPAN_AT - 1)
        && isSome(text, SPAN_AT, FLAGS_AT - 1);
  }

  private static boolean isHex(char character) {
    return (character >= '0' && character <= '9') || (character >= 'a' && character <= 'f');
  }

  /** Of zeros alone, an id is none. */
  private static boolean isSome(String text, int from, int to) {
    for (int i = from; i < to; i++) {
      if (text.charAt(i) != '0') {
        return true;
      }
    }
    return false;
  }

  /** {@return the trace's id, 32 hexadecimal digits} */
  public String traceId() {
    return text.substring(TRACE_AT, SPAN_AT - 1);
  }

  /** {@return the span's id, 16 hexadecimal digits} */
  public String spanId() {
    return text.substring(SPAN_AT, FLAGS_AT - 1);
  }

  /** {@return whether the trace may be recorded, as its flags say} */
  public boolean isSampled() {
    return (Character.digit(text.charAt(LENGTH - 1), 16) & 1) != 0;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TraceParent that && text.equals(that.text);
  }

  @Override
  public int hashCode() {
    return text.hashCode();
  }

  /** {@return the text, as the header has it} */
  @Override
  public String toString() {
    return text;
  }
}
