// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.http;

import io.transferengine.metadata.ConnectionString;
import io.transferengine.metadata.spi.MetadataAddress;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;

/**
 * The address of an HTTP metadata server. {@link URI}, and with it the JDK's client, refuses host
 * names with an underscore. Yet such names can be resolved; Docker's services have them, for
 * example. So such a name is replaced by its address, for each request again.
 *
 * @param scheme http or https
 * @param server host and port
 * @param rest path and query, as given
 */
record HttpAddress(String scheme, HostPort server, String rest) {
  private static final String HTTPS = "https";
  private static final int HTTP_PORT = 80;
  private static final int HTTPS_PORT = 443;

  /**
   * Parses a connection string.
   *
   * @throws TransferException INVALID_ARGUMENT if it is invalid
   */
  static HttpAddress of(MetadataAddress given) {
    HttpAddress made = parse(given);
    if (made.isTls() && !made.isUri()) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "The host name \"" + made.server.host() + "\" cannot be used with TLS",
          "Use a name of letters, digits and hyphens, or the address");
    }
    return made;
  }

  private static HttpAddress parse(MetadataAddress given) {
    String text = given.address();
    int end = text.length();
    for (char delimiter : new char[] {'/', '?', '#'}) {
      int at = text.indexOf(delimiter);
      end = at < 0 ? end : Math.min(end, at);
    }
    String rest = text.substring(end);
    try {
      int port = given.scheme().equals(HTTPS) ? HTTPS_PORT : HTTP_PORT;
      HostPort server = HostPort.parse(text.substring(0, end), port);
      if (URI.create(given.scheme() + "://h" + rest).getRawFragment() == null) {
        return new HttpAddress(given.scheme(), server, rest);
      }
    } catch (IllegalArgumentException | TransferException e) {
      throw ConnectionString.malformed(given, e);
    }
    throw ConnectionString.malformed(given, null);
  }

  boolean isTls() {
    return scheme.equals(HTTPS);
  }

  /**
   * {@return whether what is said to it stays on this machine} A name that leads here counts not.
   */
  boolean isLoopback() {
    try {
      return InetAddress.ofLiteral(server.host()).isLoopbackAddress();
    } catch (IllegalArgumentException e) {
      return server.host().equalsIgnoreCase("localhost");
    }
  }

  private boolean isUri() {
    return URI.create(scheme + "://" + server).getHost() != null;
  }

  /**
   * {@return the URI of a record}
   *
   * @param query {@code name=value}, encoded; appended to the query that was given, if any
   * @throws UnknownHostException if the host name must be resolved and cannot be
   */
  URI with(String query) throws UnknownHostException {
    String path = rest.isEmpty() || rest.startsWith("?") ? "/" + rest : rest;
    return URI.create(root() + path + (path.indexOf('?') < 0 ? "?" : "&") + query);
  }

  /** {@return the URI of another path of the same server} */
  URI at(String pathAndQuery) throws UnknownHostException {
    return URI.create(root() + pathAndQuery);
  }

  private String root() throws UnknownHostException {
    HostPort reached =
        isUri()
            ? server
            : new HostPort(InetAddress.getByName(server.host()).getHostAddress(), server.port());
    return scheme + "://" + reached;
  }

  @Override
  public String toString() {
    return scheme + "://" + server + rest;
  }
}
