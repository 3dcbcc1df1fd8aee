// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.cli.console.Version;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What figures depend on besides what is measured, so that a later reader knows.
 *
 * @param load how many threads ran or waited on average in the minute before, negative where
 *     unknown
 * @param members all of it by name, in the order in which it is written
 */
record Circumstances(double load, Map<String, String> members) {
  /** Of the processors; with more beside it, a measurement is of the others, too. */
  private static final double BUSY_SHARE = 0.25;

  /** {@return those of now, before anything is measured} */
  static Circumstances now(CommandEnvironment environment, List<String> options) {
    double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
    Map<String, String> members = new LinkedHashMap<>();
    members.put("version", Version.ofBuild());
    members.put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    members.put("host", host());
    members.put("system", environment.system() + ", " + environment.architecture());
    members.put("jdk", environment.javaVersion());
    members.put("options", String.join(" ", options));
    return new Circumstances(load, members);
  }

  private static String host() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "unknown";
    }
  }

  static int processors() {
    return Runtime.getRuntime().availableProcessors();
  }

  /** {@return what to say where others use the machine, too} */
  Optional<String> warning() {
    return load > BUSY_SHARE * processors()
        ? Optional.of(
            "The machine was busy before: a load of %.1f on %d processors. Figures of a busy machine"
                    .formatted(load, processors())
                + " are lower, and compare with nothing.")
        : Optional.empty();
  }
}
