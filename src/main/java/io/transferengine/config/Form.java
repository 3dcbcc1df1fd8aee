// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The form of an option's text. Parsing is strict: no surrounding blanks, only ASCII digits.
 *
 * @param parser turns text into a value; null when the text is malformed
 * @param valid whether a value is in range, from text or from the builder
 * @param accepted the accepted form, as the end of the sentence "expected …"
 * @param presence whether the variable counts as soon as it is set, even to an empty text
 */
record Form<T>(
    Function<String, @Nullable T> parser, Predicate<T> valid, String accepted, boolean presence) {

  private static final Pattern WHOLE_NUMBER = Pattern.compile("-?[0-9]{1,19}");

  /** A host name or an IPv4 address; or an IPv6 address with its scope, which has colons. */
  private static final Pattern HOST =
      Pattern.compile("[A-Za-z0-9._-]*|(?:[0-9A-Fa-f.]*:){2,}[0-9A-Fa-f.]*(?:%[A-Za-z0-9._-]+)?");

  /** DNS allows 253; an IPv6 address with its scope is shorter. */
  private static final int HOST_LENGTH_LIMIT = 253;

  /** Room for a list of metadata servers or any path; an environment block is bounded anyway. */
  private static final int TEXT_LENGTH_LIMIT = 4096;

  private static final List<String> TRUE_WORDS = List.of("1", "true", "yes", "on");
  private static final List<String> FALSE_WORDS = List.of("0", "false", "no", "off");

  static Form<Integer> integer(int min, int max) {
    return integer(value -> value >= min && value <= max, "a whole number, " + min + " to " + max);
  }

  static Form<Integer> integer(Predicate<Integer> valid, String accepted) {
    return new Form<>(Form::parseInteger, valid, accepted, false);
  }

  static Form<Integer> size(int min, int max) {
    return integer(
        value -> value >= min && value <= max,
        "a whole number, " + sizeText(min) + " to " + sizeText(max));
  }

  static Form<Long> longSize(long min, long max) {
    return new Form<>(
        Form::parseLong,
        value -> value >= min && value <= max,
        "a whole number, " + sizeText(min) + " to " + sizeText(max),
        false);
  }

  /**
   * {@return a number of bytes, with the largest binary unit that divides it: {@code 65536 (64
   * KiB)}}
   */
  static String sizeText(long bytes) {
    List<String> units = List.of("", "KiB", "MiB", "GiB", "TiB");
    int unit = Math.min(Long.numberOfTrailingZeros(bytes) / 10, units.size() - 1);
    return unit == 0 || bytes == 0
        ? Long.toString(bytes)
        : bytes + " (" + (bytes >> (10 * unit)) + " " + units.get(unit) + ")";
  }

  static Form<Boolean> flag() {
    return new Form<>(
        Form::parseFlag,
        value -> true,
        "1, true, yes or on; or 0, false, no or off (in any case)",
        false);
  }

  static Form<Boolean> presenceOnly() {
    return new Form<>(
        text -> true, value -> true, "set, with any value, even 0 or an empty one, or not", true);
  }

  static Form<String> text(String accepted) {
    return new Form<>(text -> text, Form::isPrintable, accepted, false);
  }

  static Form<String> host() {
    return new Form<>(
        text -> text,
        value -> value.length() <= HOST_LENGTH_LIMIT && HOST.matcher(value).matches(),
        "an IP address (IPv6 without brackets) or a host name, without a port",
        false);
  }

  static <E extends Enum<E>> Form<E> choice(Class<E> type) {
    List<E> values = List.of(type.getEnumConstants());
    List<String> words = values.stream().map(Form::word).toList();
    return new Form<>(
        text -> {
          int index = words.indexOf(text.toLowerCase(Locale.ROOT));
          return index < 0 ? null : values.get(index);
        },
        value -> true,
        "one of " + String.join(", ", words),
        false);
  }

  /** {@return the value as it is written in the environment} */
  static String render(Object value) {
    return value instanceof Enum<?> constant ? word(constant) : value.toString();
  }

  private static String word(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }

  private static boolean isPrintable(String text) {
    return text.length() <= TEXT_LENGTH_LIMIT && text.chars().noneMatch(Character::isISOControl);
  }

  private static @Nullable Integer parseInteger(String text) {
    Long value = parseLong(text);
    return value == null || value.intValue() != value ? null : (Integer) value.intValue();
  }

  private static @Nullable Long parseLong(String text) {
    if (!WHOLE_NUMBER.matcher(text).matches()) {
      return null;
    }
    try {
      return Long.valueOf(text);
    } catch (NumberFormatException tooLarge) {
      return null;
    }
  }

  private static @Nullable Boolean parseFlag(String text) {
    String word = text.toLowerCase(Locale.ROOT);
    if (TRUE_WORDS.contains(word)) {
      return Boolean.TRUE;
    }
    return FALSE_WORDS.contains(word) ? Boolean.FALSE : null;
  }
}
