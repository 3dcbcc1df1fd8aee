// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** The additions of our HTTP server and its client to protocol section 2. */
public final class HttpMetadataProtocol {
  /** A header in every answer of our server. Clients recognize the server by it. */
  public static final String SERVER_HEADER = "X-TE-Metadata-Server";

  /**
   * A header of a PUT or POST: how many seconds the record lives. Without it, the record lives
   * until it is removed.
   */
  public static final String TTL_HEADER = "X-TE-TTL-Seconds";

  /** The path of the records; {@code ?key=} names one. */
  public static final String RECORDS_PATH = "/metadata";

  /** The path of the list of keys, one in each line; {@code ?prefix=} selects them. */
  public static final String KEYS_PATH = "/keys";

  /** Status: the request was carried out. */
  public static final int OK = 200;

  /**
   * Status: refused. Mooncake's servers answer it to a second {@code rpc_meta} record of a name.
   */
  public static final int BAD_REQUEST = 400;

  /** A header of a request: {@code Bearer SECRET}, where the server has tokens. */
  public static final String AUTHORIZATION_HEADER = "Authorization";

  /** Status: the request shows no token that the server knows. */
  public static final int UNAUTHORIZED = 401;

  /** Status: the record belongs to another client. */
  public static final int FORBIDDEN = 403;

  /** Status: there is no such record. */
  public static final int NOT_FOUND = 404;

  /** Status: the record is not the one that the condition names. */
  public static final int PRECONDITION_FAILED = 412;

  /**
   * Status: the client was let in with a certificate that is accepted no more. Its connection ends;
   * the next one is made with the certificate that it has by then.
   */
  public static final int MISDIRECTED = 421;

  /** The lowest status that means a failure of the server. */
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
