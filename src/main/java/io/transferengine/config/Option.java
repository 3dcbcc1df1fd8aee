// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import io.transferengine.transfer.ConfigurationException;
import java.util.List;

/**
 * One option: how it is named in the environment and in the builder, what it accepts, and what it
 * means. {@link Options} has them all. Times are whole numbers whose unit ends the builder's name,
 * so that both spellings take the same number.
 *
 * @param <T> the type of its value
 */
public final class Option<T> {
  private final OptionGroup group;
  private final String environmentName;
  private final String builderName;
  private final Form<T> form;
  private final T defaultValue;
  private List<String> aliases = List.of();
  private String defaultText;
  private String unit = "";
  private String description = "";
  private String difference = "";

  Option(
      OptionGroup group, String environmentName, String builderName, Form<T> form, T defaultValue) {
    this.group = group;
    this.environmentName = environmentName;
    this.builderName = builderName;
    this.form = form;
    this.defaultValue = defaultValue;
    this.defaultText = Form.render(defaultValue);
  }

  // The setters below are for the initializers in Options; nothing calls them later.

  Option<T> aliases(String... names) {
    this.aliases = List.of(names);
    return this;
  }

  Option<T> defaultText(String text) {
    this.defaultText = text;
    return this;
  }

  Option<T> unit(String text) {
    this.unit = text;
    if (text.equals("bytes") && defaultValue instanceof Number bytes) {
      this.defaultText = Form.sizeText(bytes.longValue());
    }
    return this;
  }

  Option<T> means(String sentence) {
    this.description = sentence;
    return this;
  }

  Option<T> mooncake(String sentence) {
    this.difference = sentence;
    return this;
  }

  /** {@return the table that the option stands in} */
  public OptionGroup group() {
    return group;
  }

  /** {@return the name of the environment variable} */
  public String environmentName() {
    return environmentName;
  }

  /** {@return older names of the variable, read when the first one is absent} */
  public List<String> aliases() {
    return aliases;
  }

  /**
   * {@return the name of the builder's method, lowerCamelCase, ending with the unit if there is
   * one}
   */
  public String builderName() {
    return builderName;
  }

  /** {@return the value when nothing is set} */
  public T defaultValue() {
    return defaultValue;
  }

  /**
   * {@return the default for a reader: the same text on every machine; empty for an empty default}
   */
  public String defaultText() {
    return defaultText;
  }

  /** {@return the unit of the number, a plural noun; empty for words and ports} */
  public String unit() {
    return unit;
  }

  /** {@return the accepted form, as the end of the sentence "expected …"} */
  public String acceptedForm() {
    return unit.isEmpty()
        ? form.accepted()
        : form.accepted().replaceFirst("^a whole number", "a whole number of " + unit);
  }

  /** {@return whether the variable counts with any text, even an empty one} */
  public boolean isPresenceOnly() {
    return form.presence();
  }

  /** {@return what the option does, in one sentence} */
  public String description() {
    return description;
  }

  /** {@return what the C++ engine does differently; empty if nothing} */
  public String differenceFromMooncake() {
    return difference;
  }

  /**
   * Turns the text of the variable {@code variable} (the name or an alias) into a value.
   *
   * @throws ConfigurationException when it is malformed or out of range
   */
  public T parse(String variable, String text) {
    T value = form.parser().apply(text);
    if (value == null || !form.valid().test(value)) {
      throw new ConfigurationException(variable, text, acceptedForm());
    }
    return value;
  }

  /**
   * {@return the value, if it is in range}
   *
   * @throws ConfigurationException when it is not; named as in the builder
   */
  public T validate(T value) {
    if (!form.valid().test(value)) {
      throw new ConfigurationException(
          builderName + " (" + environmentName + ")", Form.render(value), acceptedForm());
    }
    return value;
  }

  @Override
  public String toString() {
    return environmentName;
  }
}
