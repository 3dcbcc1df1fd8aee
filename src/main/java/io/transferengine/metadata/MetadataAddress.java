// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata;

import io.transferengine.logging.Printable;
import io.transferengine.logging.Secrets;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.Set;

/**
 * A connection string of protocol section 1, less {@code P2PHANDSHAKE}.
 *
 * @param scheme the kind of service; {@code etcd} for a text without one
 * @param address what follows the scheme, not empty
 */
public record MetadataAddress(String scheme, String address) {
  /** What a connection string may look like, for error texts. */
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
   * @throws TransferException INVALID_ARGUMENT for an empty one or an unknown scheme
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

  /** {@return the error that a connection string is none} */
  public static TransferException malformed(
      String text, @org.jspecify.annotations.Nullable Exception cause) {
    String shown = "'" + Printable.of(Secrets.masked(text), 200) + "'";
    String message = shown + " names no known kind of metadata server";
    String remedy = FORMS;
    if (text.indexOf('@') >= 0) {
      message = shown + " holds a user or a password, which have no place in it";
      remedy = loginRemedy(text);
    }
    // Parsers quote what they were given, and so would a trace of the cause.
    return cause == null || !Secrets.masked(text).equals(text)
        ? new TransferException(ErrorCode.INVALID_ARGUMENT, message, remedy)
        : new TransferException(ErrorCode.INVALID_ARGUMENT, message, remedy, cause);
  }

  private static String loginRemedy(String text) {
    if (text.startsWith("http")) {
      return "HTTP metadata servers ask nobody who he is: give the address alone";
    }
    return text.startsWith("redis")
        ? "Give them in MC_REDIS_USERNAME and MC_REDIS_PASSWORD"
        : "Give them in TE_ETCD_USERNAME and TE_ETCD_PASSWORD";
  }

  /** {@return the connection string as it may be shown} */
  public String shown() {
    return Secrets.masked(toString());
  }

  /** {@return the connection string} It may hold secrets: see {@link #shown}. */
  @Override
  public String toString() {
    return scheme + "://" + address;
  }
}
