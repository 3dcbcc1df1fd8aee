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
 * The circumstances of a measurement, for a later reader.
 *
 * @param load the average number of threads that ran or waited in the minute before; negative if
 *     unknown
 * @param members all circumstances by name, in their order in JSON
 */
record Circumstances(double load, Map<String, String> members) {
  /** Share of the processors. With more load from others, their work is measured too. */
  private static final double BUSY_SHARE = 0.25;

  /** {@return the circumstances now, before anything is measured} */
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

  /** {@return what a picture says of them} */
  String line(String protocol) {
    return "%s on %s, %s, %s"
        .formatted(protocol, members.get("host"), members.get("date"), members.get("version"));
  }

  static int processors() {
    return Runtime.getRuntime().availableProcessors();
  }

  /** {@return the warning if others use the machine too} */
  Optional<String> warning() {
    return load > BUSY_SHARE * processors()
        ? Optional.of(
            "The machine was busy before: a load of %.1f on %d processors. Figures of a busy machine"
                    .formatted(load, processors())
                + " are lower; do not compare them with others.")
        : Optional.empty();
  }
}
