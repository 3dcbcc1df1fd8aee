// SPDX-License-Identifier: Apache-2.0
package io.transferengine.fuzz;

import io.transferengine.logging.Printable;
import io.transferengine.testkit.AllocatedBytes;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.util.List;
import java.util.function.Supplier;

/** What must hold for every decoder. */
public final class Oracle {
  /** An error text that quotes more than this of a stranger's bytes fills logs. */
  private static final int TEXT_LENGTH_MAX = 2_000;

  private static final int ATTEMPTS = 3;

  /**
   * Jazzer's hooks allocate with each comparison of strings: a record of 246 bytes, which takes 18
   * KB, took 303 KB under it. What is kept is run without it, and held to the limit itself.
   */
  private static final int HOOKED_FACTOR = 16;

  private static volatile boolean hooked;

  private Oracle() {}

  /** From now on the code under test has Jazzer's hooks. */
  static void isHooked() {
    hooked = true;
  }

  /** Throws unless it holds. */
  public static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new AssertionError(otherwise);
    }
  }

  /** Throws unless a refusal is one of those that callers expect, and says what is wrong. */
  public static void requireRefusal(TransferException refusal, ErrorCode... expected) {
    if (!List.of(expected).contains(refusal.code()) || LoggedFaults.isBlunder(refusal)) {
      throw new AssertionError("refused with " + refusal.code() + ": " + refusal, refusal);
    }
    requireText(String.valueOf(refusal.getMessage()));
  }

  /** Throws unless a text for people is there, in one line, and does not quote too much. */
  public static void requireText(String text) {
    require(!text.isBlank() && !text.equals("null"), "a refusal says nothing");
    require(text.length() <= TEXT_LENGTH_MAX, "a text of " + text.length() + " characters");
    require(
        text.equals(Printable.of(text, TEXT_LENGTH_MAX)),
        () -> "a text with control characters: " + Printable.of(text, TEXT_LENGTH_MAX));
  }

  /** As above, with a text that is made only if it is needed. */
  public static void require(boolean holds, Supplier<String> otherwise) {
    if (!holds) {
      throw new AssertionError(otherwise.get());
    }
  }

  /** Something that may be done again, with the same result. */
  public interface Step<T> {
    /** Does it. */
    T run() throws IOException;
  }

  /**
   * Does a step and throws if it takes more heap on this thread than a small input may cost. What
   * takes more is done again: a first time loads classes.
   *
   * @return the step's result
   */
  public static <T> T frugally(long bytesMax, Step<T> step) throws IOException {
    long most = hooked ? bytesMax * HOOKED_FACTOR : bytesMax;
    long used = 0;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      long before = AllocatedBytes.ofThisThread();
      T result = step.run();
      used = AllocatedBytes.ofThisThread() - before;
      if (used <= most) {
        return result;
      }
    }
    throw new AssertionError("allocated " + used + " bytes, more than " + most);
  }
}
