// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata;

import io.transferengine.logging.Printable;
import io.transferengine.logging.Secrets;
import io.transferengine.metadata.spi.MetadataAddress;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** A connection string of protocol section 1, other than {@code P2PHANDSHAKE}. */
public final class ConnectionString {
  /** The scheme of a text without one. */
  public static final String ETCD = "etcd";

  /** The accepted connection strings, for error texts. */
  private static final String FORMS =
      "Accepted are P2PHANDSHAKE, etcd://host:port[;host:port], host:port (etcd),"
          + " http(s)://host:port/path and redis://host:port (rediss:// with TLS)";

  private static final String UNKNOWN = " does not name a known kind of metadata server";

  /** The schemes of those forms, and that for tests. */
  private static final Set<String> NAMED =
      Set.of(ETCD, "http", "https", "redis", "rediss", "memory");

  private ConnectionString() {}

  /**
   * {@return the parts of a connection string} There need not be a client for its scheme.
   *
   * @throws TransferException INVALID_ARGUMENT if the string, or the part after its scheme, is
   *     empty
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
    if (parsed.address().isBlank()) {
      throw unknown(text, Set.of());
    }
    return parsed;
  }

  /**
   * {@return the error for an address that a client of ours cannot use}
   *
   * @param cause the exception that says so; null if there is none
   */
  public static TransferException malformed(MetadataAddress address, @Nullable Exception cause) {
    String text = address.scheme() + "://" + address.address();
    if (text.indexOf('@') < 0) {
      return refused(text, UNKNOWN, FORMS, cause);
    }
    return refused(
        text,
        " contains a user or a password, which do not belong there",
        loginRemedy(text),
        cause);
  }

  /**
   * {@return the error for an address whose scheme no provider serves}
   *
   * @param served the schemes that are served here
   */
  public static TransferException unknown(String text, Set<String> served) {
    String others =
        served.stream()
            .filter(scheme -> !NAMED.contains(scheme))
            .sorted()
            .map(scheme -> scheme + "://")
            .collect(Collectors.joining(", "));
    return refused(
        text, UNKNOWN, FORMS + (others.isEmpty() ? "" : "; other providers serve " + others), null);
  }

  private static TransferException refused(
      String text, String why, String remedy, @Nullable Exception cause) {
    String message = "'" + Printable.of(Secrets.masked(text), 200) + "'" + why;
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
}
