// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.certs;

import io.transferengine.cli.console.CommandException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/** The names in a certificate: those of this machine, and those that the user wants. Stateless. */
final class HostNames {
  /** As TLS compares them; the first label may be a star. */
  private static final Pattern NAME =
      Pattern.compile(
          "(\\*\\.)?[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?"
              + "(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?)*");

  private static final int NAME_LENGTH_MAX = 253;

  private static final List<String> LOOPBACK = List.of("localhost", "127.0.0.1", "::1");

  private HostNames() {}

  /**
   * {@return the names of this machine's loopback, its host name, and the given ones}
   *
   * @throws CommandException if a given one is no name and no address
   */
  static List<String> withOwn(List<String> given) {
    Set<String> all = new LinkedHashSet<>(LOOPBACK);
    try {
      String own = InetAddress.getLocalHost().getHostName();
      if (isName(own) || isAddress(own)) {
        all.add(own);
      }
    } catch (UnknownHostException e) {
      // Then nobody connects by that name.
    }
    for (String name : given) {
      if (!isName(name) && !isAddress(name)) {
        throw CommandException.usage(
            "--name " + name + ": it must be a host name or an IP address, such as 10.0.0.1");
      }
      all.add(name);
    }
    return List.copyOf(all);
  }

  /** {@return the value of keytool's option {@code -ext} for them} */
  static String alternativeNames(List<String> names) {
    List<String> all = new ArrayList<>();
    for (String name : names) {
      all.add((isAddress(name) ? "ip:" : "dns:") + name);
    }
    return "san=" + String.join(",", all);
  }

  private static boolean isName(String text) {
    return text.length() <= NAME_LENGTH_MAX && NAME.matcher(text).matches();
  }

  private static boolean isAddress(String text) {
    try {
      // An address with a zone cannot be in a certificate.
      return text.indexOf('%') < 0 && !InetAddress.ofLiteral(text).getHostAddress().isEmpty();
    } catch (IllegalArgumentException noAddress) {
      return false;
    }
  }
}
