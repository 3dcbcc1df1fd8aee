// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.io.Serial;
import org.jspecify.annotations.Nullable;

/** The JSON is well-formed as far as it was read, but exceeds {@link JsonLimits}. */
public final class JsonLimitException extends TransferException {
  @Serial private static final long serialVersionUID = 1L;

  private static final String REMEDY =
      "A text has at most %d characters, a name %d, a document %d bytes and %d levels"
          .formatted(
              JsonLimits.STRING_LENGTH_MAX,
              JsonLimits.MEMBER_NAME_LENGTH_MAX,
              JsonLimits.DOCUMENT_LENGTH_MAX_BYTES,
              JsonLimits.NESTING_DEPTH_MAX);

  private JsonLimitException(String message, Throwable cause) {
    super(ErrorCode.MALFORMED_JSON, message, REMEDY, cause);
  }

  private JsonLimitException(String message) {
    super(ErrorCode.MALFORMED_JSON, message, REMEDY);
  }

  static JsonLimitException of(String message, @Nullable Throwable cause) {
    return cause == null ? new JsonLimitException(message) : new JsonLimitException(message, cause);
  }
}
