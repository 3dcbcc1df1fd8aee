// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** What our HTTP server and our client of it agree on beyond protocol section 2. */
public final class HttpMetadataProtocol {
  /** In every answer of our server, by which clients know it. */
  public static final String SERVER_HEADER = "X-TE-Metadata-Server";

  /** In a PUT or POST: the record lives so many seconds; without it until it is removed. */
  public static final String TTL_HEADER = "X-TE-TTL-Seconds";

  /** Where records are, by {@code ?key=}. */
  public static final String RECORDS_PATH = "/metadata";

  /** Where the keys are, a line each, by {@code ?prefix=}. */
  public static final String KEYS_PATH = "/keys";

  /** Status: done. */
  public static final int OK = 200;

  /** Status: refused; Mooncake's servers say so of a second {@code rpc_meta} record. */
  public static final int BAD_REQUEST = 400;

  /** Status: no such record. */
  public static final int NOT_FOUND = 404;

  /** Status: the record is not the one that the condition names. */
  public static final int PRECONDITION_FAILED = 412;

  /** The first status of those that are the server's trouble. */
  public static final int SERVER_ERROR = 500;

  private HttpMetadataProtocol() {}

  /** {@return the entity tag of a value, for the conditions of RFC 9110 section 13} */
  public static String entityTag(byte[] value) {
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(value);
      return "\"" + HexFormat.of().formatHex(hash) + "\"";
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
