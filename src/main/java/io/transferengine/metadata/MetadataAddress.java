// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata;

import io.transferengine.logging.Printable;
import io.transferengine.logging.Secrets;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.Set;

/**
 * A connection string of protocol section 1, other than {@code P2PHANDSHAKE}.
 *
 * @param scheme the kind of service; {@code etcd} if the string has no scheme
 * @param address the part after the scheme, not empty
 */
public record MetadataAddress(String scheme, String address) {
  /** The accepted connection strings, for error texts. */
  public static final String FORMS =
      "Accepted are P2PHANDSHAKE, etcd://host:port[;host:port], host:port (etcd),"
          + " http(s)://host:port/path and redis://host:port (rediss:// with TLS)";

  /** The scheme of etcd, the default. */
  public static final String ETCD = "etcd";

  private static final Set<String> SCHEMES =
      Set.of(ETCD, "http", "https", "redis", "rediss", "memory");

  /**
   * {@return the parts of a connection string}
   *
   * @throws TransferException INVALID_ARGUMENT if it is empty or its scheme is unknown
   */
  public static MetadataAddress parse(String text) {
    if (text.isEmpty()) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "The metadata server is empty and MC_METADATA_SERVER is not set",
          FORMS);
    }
    int separator = text.indexOf("://");
    MetadataAddress parsed =
        separator < 0
            ? new MetadataAddress(ETCD, text)
            : new MetadataAddress(text.substring(0, separator), text.substring(separator + 3));
    if (!SCHEMES.contains(parsed.scheme) || parsed.address.isBlank()) {
      throw malformed(text, null);
    }
    return parsed;
  }

  /** {@return the error for an invalid connection string} */
  public static TransferException malformed(
      String text, @org.jspecify.annotations.Nullable Exception cause) {
    String shown = "'" + Printable.of(Secrets.masked(text), 200) + "'";
    String message = shown + " does not name a known kind of metadata server";
    String remedy = FORMS;
    if (text.indexOf('@') >= 0) {
      message = shown + " contains a user or a password, which do not belong there";
      remedy = loginRemedy(text);
    }
    // The cause quotes the address, so a trace of it would show the password.
    return cause == null || !Secrets.masked(text).equals(text)
        ? new TransferException(ErrorCode.INVALID_ARGUMENT, message, remedy)
        : new TransferException(ErrorCode.INVALID_ARGUMENT, message, remedy, cause);
  }

  private static String loginRemedy(String text) {
    if (text.startsWith("http")) {
      return "HTTP metadata servers have no log-in: give the address alone";
    }
    return text.startsWith("redis")
        ? "Give them in MC_REDIS_USERNAME and MC_REDIS_PASSWORD"
        : "Give them in TE_ETCD_USERNAME and TE_ETCD_PASSWORD";
  }

  /** {@return the connection string without its secrets} */
  public String shown() {
    return Secrets.masked(toString());
  }

  /** {@return the connection string} It may contain secrets: see {@link #shown}. */
  @Override
  public String toString() {
    return scheme + "://" + address;
  }
}
