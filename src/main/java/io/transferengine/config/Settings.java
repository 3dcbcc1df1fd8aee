// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import io.transferengine.transfer.ConfigurationException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The values of all options, checked against each other. Immutable, safe for any thread.
 *
 * <p>An absent variable gives the default. A malformed one, or one out of range, is a {@link
 * ConfigurationException}: a default in its place would hide the mistake. An empty value counts as
 * absent, except for variables whose presence is all that counts.
 */
public final class Settings {
  private static final Logger log = LoggerFactory.getLogger(Settings.class);

  /** Mooncake's floor for {@code MC_TRANSFER_TIMEOUT}: less makes healthy large transfers fail. */
  private static final int TRANSFER_TIMEOUT_FLOOR_SECONDS = 5;

  private final Map<Option<?>, Object> values;
  private final List<String> warnings;

  private Settings(Map<Option<?>, Object> values, List<String> warnings) {
    this.values = Map.copyOf(values);
    this.warnings = List.copyOf(warnings);
  }

  /** {@return settings from this process's environment} */
  public static Settings fromEnvironment() {
    return builderFromEnvironment().build();
  }

  /** {@return settings from {@code environment} instead of the process's} */
  public static Settings fromMap(Map<String, String> environment) {
    return builderFromMap(environment).build();
  }

  /** {@return a builder where every option has its default, whatever the environment says} */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * {@return a builder that starts from this process's environment; what is set on it wins}
   *
   * @throws ConfigurationException when a variable is malformed or out of range
   */
  public static Builder builderFromEnvironment() {
    return builderFromMap(System.getenv());
  }

  /** {@return a builder that starts from {@code environment} instead of the process's} */
  public static Builder builderFromMap(Map<String, String> environment) {
    return new Builder().read(environment);
  }

  /** {@return the value of {@code option}} */
  public <T> T get(Option<T> option) {
    @SuppressWarnings(
        "unchecked") // Builder.set and Builder.read put nothing but a T under an Option<T>.
    T value = (T) values.get(option);
    return value == null ? option.defaultValue() : value;
  }

  /** {@return what was logged at WARN when these settings were built, a sentence each} */
  public List<String> warnings() {
    return warnings;
  }

  /** {@return a builder that starts from these values} */
  public Builder toBuilder() {
    Builder builder = new Builder();
    builder.values.putAll(values);
    return builder;
  }

  /**
   * {@return the options that differ from their default, in the order of the configuration page}
   */
  @Override
  public String toString() {
    StringJoiner text = new StringJoiner(", ", "Settings[", "]");
    text.setEmptyValue("Settings[all defaults]");
    for (Option<?> option : Options.all()) {
      Object value = get(option);
      if (!value.equals(option.defaultValue())) {
        text.add(option.environmentName() + "=" + option.shown(value));
      }
    }
    return text.toString();
  }

  /** Collects values. For one thread. */
  public static final class Builder {
    private final Map<Option<?>, Object> values = new HashMap<>();
    private final List<String> warnings = new ArrayList<>();

    private Builder() {}

    /**
     * Sets one option.
     *
     * @throws ConfigurationException when {@code value} is out of range
     */
    public <T> Builder set(Option<T> option, T value) {
      values.put(option, option.validate(value));
      return this;
    }

    /**
     * {@return the settings, checked against each other}
     *
     * @throws ConfigurationException when two of them contradict each other
     */
    public Settings build() {
      List<String> concluded = new ArrayList<>(warnings);
      Map<Option<?>, Object> checked = new HashMap<>(values);
      raiseTransferTimeout(checked, concluded);
      Settings settings = new Settings(checked, concluded);
      CrossChecks.check(settings::get);
      concluded.forEach(log::warn);
      return settings;
    }

    private Builder read(Map<String, String> environment) {
      Options.all().forEach(option -> readOne(option, environment));
      for (InertVariable variable : InertVariables.ALL) {
        if (environment.containsKey(variable.name())) {
          warnings.add(variable.name() + " is set but has no effect: " + variable.reason());
        }
      }
      return this;
    }

    private <T> void readOne(Option<T> option, Map<String, String> environment) {
      List<String> names = new ArrayList<>();
      names.add(option.environmentName());
      names.addAll(option.aliases());
      for (String name : names) {
        String text = environment.get(name);
        if (text != null && (option.isPresenceOnly() || !text.isEmpty())) {
          values.put(option, option.parse(name, text));
          return;
        }
      }
    }

    private static void raiseTransferTimeout(Map<Option<?>, Object> values, List<String> warnings) {
      if (values.get(Options.TRANSFER_TIMEOUT) instanceof Integer seconds
          && seconds < TRANSFER_TIMEOUT_FLOOR_SECONDS) {
        values.put(Options.TRANSFER_TIMEOUT, TRANSFER_TIMEOUT_FLOOR_SECONDS);
        warnings.add(
            "%s is %d s; the minimum, %d s, is used instead"
                .formatted(Options.TRANSFER_TIMEOUT, seconds, TRANSFER_TIMEOUT_FLOOR_SECONDS));
      }
    }
  }
}
