// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

import java.io.Serial;
import org.jspecify.annotations.Nullable;

/**
 * A configuration value that cannot be used: malformed, out of range, or in contradiction to
 * another one. The text names the variable, what was found there, and the form that is expected.
 * Its code is always {@link ErrorCode#INVALID_ARGUMENT}.
 */
public final class ConfigurationException extends TransferException {
  @Serial private static final long serialVersionUID = 1L;

  /** A longer value is cut in the text: a log line stays readable whatever was found. */
  private static final int QUOTED_LENGTH_LIMIT = 200;

  private final String variable;
  private final String found;
  private final String expected;

  /**
   * @param variable the name that the value was given under, e.g. {@code MC_HANDSHAKE_PORT}
   * @param found the value as it was found
   * @param expected the form that is accepted, as the end of the sentence "expected …"
   */
  public ConfigurationException(String variable, String found, String expected) {
    this(variable, found, "", expected, null);
  }

  /**
   * As above, with what is wrong where the value alone does not show it.
   *
   * @param problem what is wrong, as a sentence without a final stop; may be empty
   * @param cause what was caught, or null
   */
  public ConfigurationException(
      String variable, String found, String problem, String expected, @Nullable Throwable cause) {
    super(
        ErrorCode.INVALID_ARGUMENT,
        variable
            + " is "
            + quoted(found)
            + (problem.isEmpty() ? "" : ": " + problem)
            + "; expected "
            + expected,
        "Correct the value, or leave it out to have the default");
    this.variable = variable;
    this.found = found;
    this.expected = expected;
    if (cause != null) {
      initCause(cause);
    }
  }

  /** {@return the name that the value was given under} */
  public String variable() {
    return variable;
  }

  /** {@return the value as it was found} */
  public String found() {
    return found;
  }

  /** {@return the form that is accepted} */
  public String expected() {
    return expected;
  }

  /** Control characters become {@code ?}: a value from outside cannot forge a second log line. */
  private static String quoted(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    int length = Math.min(text.length(), QUOTED_LENGTH_LIMIT);
    for (int i = 0; i < length; i++) {
      char c = text.charAt(i);
      quoted.append(Character.isISOControl(c) ? '?' : c);
    }
    return quoted.append(length < text.length() ? "…\"" : "\"").toString();
  }
}
