// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

import java.util.Objects;

/**
 * A host and a TCP port, as written in local and peer names (protocol section 3).
 *
 * @param host a host name, an IPv4 address, or an IPv6 address without brackets, perhaps with its
 *     {@code %scope}; kept as written
 * @param port 1 to 65535
 */
public record HostPort(String host, int port) {
  /** The highest TCP port. */
  public static final int PORT_MAX = HostPortSyntax.PORT_MAX;

  /** Checks both. */
  public HostPort {
    Objects.requireNonNull(host, "host must not be null");
    HostPortSyntax.requireHost(host, host);
    if (port < 1 || port > PORT_MAX) {
      throw HostPortSyntax.refused(host + ":" + port, "port " + port + " is not in 1..65535");
    }
  }

  /**
   * Parses {@code host:port}, {@code [v6]:port} or {@code v6%scope:port}.
   *
   * @param text one of those forms, without blanks
   * @return its parts; the host as written, without brackets
   * @throws TransferException INVALID_ARGUMENT, with the value and the accepted forms
   */
  public static HostPort parse(String text) {
    Objects.requireNonNull(text, "text must not be null");
    return of(HostPortSyntax.parse(text, HostPortSyntax.NO_DEFAULT_PORT));
  }

  /**
   * Parses the forms above, and {@code host}, {@code [v6]} or a bare {@code v6} without a port.
   *
   * @param text one of those forms, without blanks
   * @param defaultPort the port if the text has none, 1 to 65535
   * @return its parts; the host as written, without brackets
   * @throws TransferException INVALID_ARGUMENT, with the value and the accepted forms
   */
  public static HostPort parse(String text, int defaultPort) {
    Objects.requireNonNull(text, "text must not be null");
    return of(HostPortSyntax.parse(text, defaultPort));
  }

  private static HostPort of(HostPortSyntax.Parts parts) {
    return new HostPort(parts.host(), parts.port());
  }

  /** {@return {@code host:port}, with brackets around an IPv6 address} */
  @Override
  public String toString() {
    return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
  }
}
