// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.regex.Pattern;

/**
 * Reads files of sysfs, which hold one line each (Linux: Documentation/filesystems/sysfs.rst). A
 * file that is absent or malformed gives an empty result: drivers differ, and in containers any
 * part may be missing.
 */
final class SysFiles {
  /** A page: the most that sysfs returns for an attribute. */
  private static final int TEXT_LENGTH_MAX = 4096;

  /** More entries than any of the folders has: a GID table has up to 1024. */
  private static final int ENTRIES_MAX = 8192;

  private static final Pattern NUMBER = Pattern.compile("-?[0-9]{1,9}");
  private static final Pattern COUNTER = Pattern.compile("[0-9]{1,20}");
  private static final Pattern HEX = Pattern.compile("0x[0-9a-f]{1,7}");

  private SysFiles() {}

  /** {@return the stripped text of {@code file}; empty if it does not exist or cannot be read} */
  static Optional<String> text(Path file) {
    // Before it is opened: opening a FIFO would wait for a writer.
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(TEXT_LENGTH_MAX);
      String text = new String(bytes, StandardCharsets.ISO_8859_1).strip();
      return text.isEmpty() ? Optional.empty() : Optional.of(text);
    } catch (IOException unreadable) {
      return Optional.empty();
    }
  }

  /** {@return the decimal number in {@code file}} */
  static OptionalInt number(Path file) {
    return text(file)
        .filter(text -> NUMBER.matcher(text).matches())
        .map(text -> OptionalInt.of(Integer.parseInt(text)))
        .orElse(OptionalInt.empty());
  }

  /**
   * {@return what a counter of 64 bits shows; what is above the largest {@code long} counts as it}
   */
  static OptionalLong counter(Path file) {
    return text(file)
        .filter(text -> COUNTER.matcher(text).matches())
        .map(text -> OptionalLong.of(counter(text)))
        .orElse(OptionalLong.empty());
  }

  private static long counter(String text) {
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException tooLarge) {
      return Long.MAX_VALUE;
    }
  }

  /** {@return the number that {@code file} has in the form {@code 0x10de}} */
  static OptionalInt hexadecimal(Path file) {
    return text(file)
        .filter(text -> HEX.matcher(text).matches())
        .map(text -> OptionalInt.of(Integer.parseInt(text.substring(2), 16)))
        .orElse(OptionalInt.empty());
  }

  /** {@return the matching names in {@code folder}, in no order; none if it does not exist} */
  static List<String> names(Path folder, Pattern pattern) {
    List<String> names = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
      for (Path entry : entries) {
        String name = String.valueOf(entry.getFileName());
        if (names.size() < ENTRIES_MAX && pattern.matcher(name).matches()) {
          names.add(name);
        }
      }
    } catch (IOException | DirectoryIteratorException unreadable) {
      return names;
    }
    return names;
  }

  /** {@return the numbers after {@code prefix} in the names in {@code folder}, ascending} */
  static List<Integer> numbers(Path folder, String prefix) {
    return names(folder, Pattern.compile(Pattern.quote(prefix) + "(?:0|[1-9][0-9]{0,8})")).stream()
        .map(name -> Integer.valueOf(name.substring(prefix.length())))
        .sorted()
        .toList();
  }
}
