// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import io.transferengine.logging.Secrets;
import io.transferengine.transfer.ConfigurationException;
import java.util.List;

/**
 * One option: how it is named in the environment and in the builder, what it accepts, and what it
 * means. {@link Options} has them all. Times are whole numbers whose unit ends the builder's name,
 * so that both spellings take the same number. Immutable.
 *
 * @param <T> the type of its value
 */
public final class Option<T> {
  private final OptionGroup group;
  private final String environmentName;
  private final String builderName;
  private final Form<T> form;
  private final T defaultValue;
  private final Texts texts;

  /** The texts for readers; each method below replaces one of them. */
  private record Texts(
      List<String> aliases,
      String defaultText,
      String unit,
      String description,
      String difference) {}

  Option(
      OptionGroup group, String environmentName, String builderName, Form<T> form, T defaultValue) {
    this(
        group,
        environmentName,
        builderName,
        form,
        defaultValue,
        new Texts(List.of(), Form.render(defaultValue), "", "", ""));
  }

  private Option(
      OptionGroup group,
      String environmentName,
      String builderName,
      Form<T> form,
      T defaultValue,
      Texts texts) {
    this.group = group;
    this.environmentName = environmentName;
    this.builderName = builderName;
    this.form = form;
    this.defaultValue = defaultValue;
    this.texts = texts;
  }

  Option<T> aliases(String... names) {
    return with(
        new Texts(
            List.of(names), texts.defaultText, texts.unit, texts.description, texts.difference));
  }

  Option<T> defaultText(String text) {
    return with(new Texts(texts.aliases, text, texts.unit, texts.description, texts.difference));
  }

  Option<T> unit(String text) {
    String defaultText =
        text.equals("bytes") && defaultValue instanceof Number bytes
            ? Form.sizeText(bytes.longValue())
            : texts.defaultText;
    return with(new Texts(texts.aliases, defaultText, text, texts.description, texts.difference));
  }

  Option<T> means(String sentence) {
    return with(
        new Texts(texts.aliases, texts.defaultText, texts.unit, sentence, texts.difference));
  }

  Option<T> mooncake(String sentence) {
    return with(
        new Texts(texts.aliases, texts.defaultText, texts.unit, texts.description, sentence));
  }

  private Option<T> with(Texts changed) {
    return new Option<>(group, environmentName, builderName, form, defaultValue, changed);
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
    return texts.aliases;
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
    return texts.defaultText;
  }

  /** {@return the unit of the number, a plural noun; empty for words and ports} */
  public String unit() {
    return texts.unit;
  }

  /** {@return the accepted form, as the end of the sentence "expected …"} */
  public String acceptedForm() {
    return texts.unit.isEmpty()
        ? form.accepted()
        : form.accepted().replaceFirst("^a whole number", "a whole number of " + texts.unit);
  }

  /** {@return whether the variable counts with any text, even an empty one} */
  public boolean isPresenceOnly() {
    return form.presence();
  }

  /** {@return what the option does, in one sentence} */
  public String description() {
    return texts.description;
  }

  /** {@return what the C++ engine does differently; empty if nothing} */
  public String differenceFromMooncake() {
    return texts.difference;
  }

  /**
   * Turns the text of the variable {@code variable} (the name or an alias) into a value.
   *
   * @throws ConfigurationException when it is malformed or out of range
   */
  public T parse(String variable, String text) {
    T value = form.parser().apply(text);
    if (value == null || !form.valid().test(value)) {
      throw ConfigurationException.withDefault(variable, shown(text), acceptedForm());
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
      throw ConfigurationException.withDefault(
          builderName + " (" + environmentName + ")", shown(value), acceptedForm());
    }
    return value;
  }

  /** {@return the value as logs and errors may show it: passwords are masked} */
  String shown(Object value) {
    return environmentName.endsWith("_PASSWORD") ? "***" : Secrets.masked(Form.render(value));
  }

  @Override
  public String toString() {
    return environmentName;
  }
}
