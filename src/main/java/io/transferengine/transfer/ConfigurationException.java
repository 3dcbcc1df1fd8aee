// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

import io.transferengine.logging.Printable;
import java.io.Serial;

/**
 * A configuration value that cannot be used: it is malformed, out of range, or contradicts another
 * value. The text names the variable, the value found, and the expected form. Its code is always
 * {@link ErrorCode#INVALID_ARGUMENT}.
 */
public final class ConfigurationException extends TransferException {
  @Serial private static final long serialVersionUID = 1L;

  /** Not every value has a default, or one that is as safe: a file of secrets has none. */
  private static final String REMEDY = "Correct the value, or what it names";

  private static final String REMEDY_WITH_DEFAULT =
      "Correct the value, or leave it out to use the default";

  /** A longer value or problem is cut in the text, so that a log line stays readable. */
  private static final int SHOWN_LENGTH_LIMIT = 300;

  /** The name of the variable or setter. */
  private final String variable;

  /** The value found. */
  private final String found;

  /** The form that is accepted. */
  private final String expected;

  /**
   * For a value whose text alone shows what is wrong.
   *
   * @param variable the name of the variable or setter, e.g. {@code MC_HANDSHAKE_PORT}
   * @param found the value found
   * @param expected the form that is accepted, as the end of the sentence "expected …"
   */
  public ConfigurationException(String variable, String found, String expected) {
    this(variable, found, "", expected);
  }

  /**
   * For a value whose text alone does not show what is wrong.
   *
   * @param variable the name of the variable or setter
   * @param found the value found
   * @param problem what is wrong with it, a clause without a final stop; empty for none
   * @param expected the form that is accepted, as the end of the sentence "expected …"
   */
  public ConfigurationException(String variable, String found, String problem, String expected) {
    this(variable, found, expected, text(variable, found, problem, expected), REMEDY);
  }

  /**
   * For a value that could not be used because something else failed.
   *
   * @param variable the name of the variable or setter
   * @param found the value found
   * @param problem what is wrong with it, a clause without a final stop; empty for none
   * @param expected the form that is accepted, as the end of the sentence "expected …"
   * @param cause what failed
   */
  public ConfigurationException(
      String variable, String found, String problem, String expected, Throwable cause) {
    super(ErrorCode.INVALID_ARGUMENT, text(variable, found, problem, expected), REMEDY, cause);
    this.variable = variable;
    this.found = found;
    this.expected = expected;
  }

  private ConfigurationException(
      String variable, String found, String expected, String text, String remedy) {
    super(ErrorCode.INVALID_ARGUMENT, text, remedy);
    this.variable = variable;
    this.found = found;
    this.expected = expected;
  }

  /**
   * {@return the exception for a malformed value of an option that has a default}
   *
   * @param variable the name of the variable or setter
   * @param found the value found
   * @param expected the form that is accepted, as the end of the sentence "expected …"
   */
  public static ConfigurationException withDefault(String variable, String found, String expected) {
    return new ConfigurationException(
        variable, found, expected, text(variable, found, "", expected), REMEDY_WITH_DEFAULT);
  }

  /** {@return the name of the variable or setter} */
  public String variable() {
    return variable;
  }

  /** {@return the value found} */
  public String found() {
    return found;
  }

  /** {@return the form that is accepted} */
  public String expected() {
    return expected;
  }

  private static String text(String variable, String found, String problem, String expected) {
    String what = problem.isEmpty() ? "" : ": " + Printable.of(problem, SHOWN_LENGTH_LIMIT);
    return variable
        + " is \""
        + Printable.of(found, SHOWN_LENGTH_LIMIT)
        + '"'
        + what
        + "; expected "
        + expected;
  }
}
