// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

import io.transferengine.logging.Printable;
import io.transferengine.logging.Secrets;
import java.net.Inet6Address;

/**
 * The grammar of {@link HostPort}. The C++ engine falls back to port 12001 with a warning; this
 * refuses, since a typing error must not reach another process.
 */
final class HostPortSyntax {
  static final int PORT_MAX = 65_535;

  /** Stands for "the text must have a port". */
  static final int NO_DEFAULT_PORT = 0;

  /** RFC 1035: a host name's text has at most 253 characters, a label 63. */
  private static final int HOST_LENGTH_MAX = 253;

  private static final int LABEL_LENGTH_MAX = 63;

  private static final String FORMS =
      "Use host:port, [ipv6]:port or ipv6%scope:port, with a port in 1..65535";

  /** What a text is made of: a host that is well-formed, and a port in its range. */
  record Parts(String host, int port) {}

  private HostPortSyntax() {}

  static TransferException refused(String text, String why) {
    return new TransferException(
        ErrorCode.INVALID_ARGUMENT,
        "\"" + Printable.of(Secrets.masked(text), 100) + "\" is not a host and port: " + why,
        FORMS);
  }

  static Parts parse(String text, int defaultPort) {
    if (text.indexOf('@') >= 0 && text.indexOf('%') < 0) {
      throw refused(text, "it holds a user or a password before the @");
    }
    if (text.startsWith("[")) {
      return parseBracketed(text, defaultPort);
    }
    int firstColon = text.indexOf(':');
    int lastColon = text.lastIndexOf(':');
    int percent = text.indexOf('%');
    if (firstColon < 0) {
      return of(text, text, missingPort(text, defaultPort));
    }
    if (firstColon == lastColon || (percent >= 0 && lastColon > percent)) {
      return of(text, text.substring(0, lastColon), port(text, text.substring(lastColon + 1)));
    }
    return of(text, text, missingPort(text, defaultPort));
  }

  private static Parts parseBracketed(String text, int defaultPort) {
    int close = text.indexOf(']');
    if (close < 0) {
      throw refused(text, "the bracket is not closed");
    }
    String host = text.substring(1, close);
    if (host.indexOf(':') < 0) {
      throw refused(text, "\"" + Printable.of(host, 100) + "\" in brackets is not an IPv6 address");
    }
    String rest = text.substring(close + 1);
    if (rest.isEmpty()) {
      return of(text, host, missingPort(text, defaultPort));
    }
    if (rest.charAt(0) != ':') {
      throw refused(text, "a colon must follow the bracket");
    }
    return of(text, host, port(text, rest.substring(1)));
  }

  private static Parts of(String text, String host, int port) {
    requireHost(text, host);
    return new Parts(host, port);
  }

  private static int missingPort(String text, int defaultPort) {
    if (defaultPort == NO_DEFAULT_PORT) {
      throw refused(text, "the port is missing");
    }
    return defaultPort;
  }

  private static int port(String text, String digits) {
    int port = 0;
    for (int i = 0; i < digits.length(); i++) {
      char c = digits.charAt(i);
      if (c < '0' || c > '9') {
        throw refused(text, "port \"" + Printable.of(digits, 100) + "\" is not a number");
      }
      port = Math.min(100_000, port * 10 + (c - '0'));
    }
    if (port < 1 || port > PORT_MAX) {
      throw refused(text, "port \"" + Printable.of(digits, 100) + "\" is not in 1..65535");
    }
    return port;
  }

  static void requireHost(String text, String host) {
    if (host.isEmpty()) {
      throw refused(text, "the host is empty");
    }
    if (host.indexOf(':') >= 0) {
      requireIpv6(text, host);
    } else if (host.chars().allMatch(c -> c == '.' || (c >= '0' && c <= '9'))) {
      requireIpv4(text, host);
    } else {
      requireName(text, host);
    }
  }

  private static void requireIpv6(String text, String host) {
    int percent = host.indexOf('%');
    String address = percent < 0 ? host : host.substring(0, percent);
    if (percent >= 0) {
      String scope = host.substring(percent + 1);
      if (scope.isEmpty() || !scope.chars().allMatch(HostPortSyntax::isScopeCharacter)) {
        throw refused(
            text, "\"" + Printable.of(scope, 100) + "\" is not the scope of an IPv6 address");
      }
    }
    try {
      Inet6Address.ofLiteral(address);
    } catch (IllegalArgumentException e) {
      throw refused(text, "\"" + Printable.of(address, 100) + "\" is not an IPv6 address");
    }
  }

  private static boolean isScopeCharacter(int c) {
    return isNameCharacter(c) || c == '.' || c == '@';
  }

  private static void requireIpv4(String text, String host) {
    String[] octets = host.split("\\.", -1);
    boolean good = octets.length == 4;
    for (String octet : octets) {
      // A leading zero means octal to some resolvers, so it is refused here.
      good &=
          !octet.isEmpty()
              && octet.length() <= 3
              && (octet.length() == 1 || octet.charAt(0) != '0')
              && Integer.parseInt(octet) <= 255;
    }
    if (!good) {
      throw refused(text, "\"" + Printable.of(host, 100) + "\" is not an IPv4 address");
    }
  }

  private static void requireName(String text, String host) {
    if (host.length() > HOST_LENGTH_MAX) {
      throw refused(text, "the host has more than " + HOST_LENGTH_MAX + " characters");
    }
    String relative = host.endsWith(".") ? host.substring(0, host.length() - 1) : host;
    for (String label : relative.split("\\.", -1)) {
      if (label.isEmpty() || label.length() > LABEL_LENGTH_MAX) {
        throw refused(text, "the parts of a host name have 1 to " + LABEL_LENGTH_MAX + " letters");
      }
      if (label.startsWith("-")
          || label.endsWith("-")
          || !label.chars().allMatch(HostPortSyntax::isNameCharacter)) {
        throw refused(text, "\"" + Printable.of(label, 100) + "\" is not a part of a host name");
      }
    }
  }

  private static boolean isNameCharacter(int c) {
    return (c >= 'a' && c <= 'z')
        || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9')
        || c == '-'
        || c == '_';
  }
}
