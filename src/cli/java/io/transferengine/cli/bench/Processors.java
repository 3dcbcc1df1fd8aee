// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** The numbers of the processors on which this process may run: in a container, not from 0 on. */
final class Processors {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final Path ONLINE = Path.of("/sys/devices/system/cpu/online");
  private static final Pattern ALLOWED = Pattern.compile("(?m)^Cpus_allowed_list:\\s*(\\S+)$");
  private static final Pattern RANGE = Pattern.compile("([0-9]{1,5})(?:-([0-9]{1,5}))?");

  private Processors() {}

  /** {@return their numbers; those from 0 on where the system does not tell} */
  static List<Integer> allowed() {
    try {
      // Those that could be plugged in count as allowed, too.
      String online = Files.exists(ONLINE) ? Files.readString(ONLINE).strip() : "";
      List<Integer> found = of(Files.readString(STATUS), online);
      if (!found.isEmpty()) {
        return found;
      }
    } catch (IOException unknown) {
      // No Linux, or without /proc.
    }
    return IntStream.range(0, Circumstances.processors()).boxed().toList();
  }

  /**
   * {@return those that {@code status} allows and that are on; empty if it does not tell}
   *
   * @param online a list of those that are on; an empty text if that is not known
   */
  static List<Integer> of(String status, String online) {
    Matcher line = ALLOWED.matcher(status);
    List<Integer> allowed = new ArrayList<>(line.find() ? numbers(line.group(1)) : List.of());
    List<Integer> on = numbers(online);
    if (!on.isEmpty()) {
      allowed.retainAll(on);
    }
    return List.copyOf(allowed);
  }

  /** {@return the numbers in a list such as 2-3,5; none if it is no such list} */
  private static List<Integer> numbers(String list) {
    List<Integer> numbers = new ArrayList<>();
    for (String each : list.split(",", -1)) {
      Matcher range = RANGE.matcher(each);
      if (!range.matches()) {
        return List.of();
      }
      int first = Integer.parseInt(range.group(1));
      int last = range.group(2) == null ? first : Integer.parseInt(range.group(2));
      IntStream.rangeClosed(first, last).forEach(numbers::add);
    }
    return numbers;
  }
}
