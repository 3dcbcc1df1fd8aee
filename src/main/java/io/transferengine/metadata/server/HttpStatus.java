// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import io.transferengine.metadata.HttpMetadataProtocol;

/** All that an answer can begin with: a number, and the reason that RFC 9110 has for it. */
enum HttpStatus {
  OK(HttpMetadataProtocol.OK, "OK"),
  BAD_REQUEST(HttpMetadataProtocol.BAD_REQUEST, "Bad Request"),
  UNAUTHORIZED(HttpMetadataProtocol.UNAUTHORIZED, "Unauthorized"),
  FORBIDDEN(HttpMetadataProtocol.FORBIDDEN, "Forbidden"),
  NOT_FOUND(HttpMetadataProtocol.NOT_FOUND, "Not Found"),
  METHOD_NOT_ALLOWED(405, "Method Not Allowed"),
  PRECONDITION_FAILED(HttpMetadataProtocol.PRECONDITION_FAILED, "Precondition Failed"),
  TOO_LARGE(413, "Content Too Large"),
  MISDIRECTED(HttpMetadataProtocol.MISDIRECTED, "Misdirected Request"),
  HEAD_TOO_LARGE(431, "Request Header Fields Too Large"),
  FAULT(HttpMetadataProtocol.SERVER_ERROR, "Internal Server Error"),
  NOT_IMPLEMENTED(501, "Not Implemented"),
  BUSY(503, "Service Unavailable"),
  OTHER_VERSION(505, "HTTP Version Not Supported"),
  FULL(507, "Insufficient Storage");

  private final int code;
  private final String reason;

  HttpStatus(int code, String reason) {
    this.code = code;
    this.reason = reason;
  }

  /** {@return the number} */
  int code() {
    return code;
  }

  /** {@return both, as they stand in an answer} */
  String line() {
    return code + " " + reason;
  }
}
