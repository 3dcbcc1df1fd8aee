// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import org.jspecify.annotations.Nullable;

/** Limits of JSON from a peer or a store. Longer JSON is refused. */
public final class JsonLimits {
  /** The longest handshake frame that a C++ engine can be configured to send, 128 MiB. */
  public static final int DOCUMENT_LENGTH_MAX_BYTES = 128 << 20;

  /** Our records nest 4 levels deep. The rest is room for members that we do not know. */
  public static final int NESTING_DEPTH_MAX = 64;

  /** The longest string is an opaque handshake payload: one default C++ frame, 1 MiB. */
  public static final int STRING_LENGTH_MAX = 1 << 20;

  /** Member names are single words, or memory locations in the priority matrix. */
  public static final int MEMBER_NAME_LENGTH_MAX = 1024;

  /** 20 digits hold any 64-bit number, 25 characters any double. The rest is to spare. */
  public static final int NUMBER_LENGTH_MAX = 64;

  /**
   * Ten times what a large peer has (100,000). Bounds the heap that a long document of tiny entries
   * takes.
   */
  public static final int BUFFERS_MAX = 1_000_000;

  /**
   * NICs, keys or queue pairs in one list: more than any host has, and far less than could do harm.
   */
  public static final int LIST_LENGTH_MAX = 4096;

  private static final String REMEDY =
      "A text has at most %d characters, a name %d, a document %d bytes and %d levels"
          .formatted(
              STRING_LENGTH_MAX,
              MEMBER_NAME_LENGTH_MAX,
              DOCUMENT_LENGTH_MAX_BYTES,
              NESTING_DEPTH_MAX);

  private JsonLimits() {}

  /** {@return the error that JSON is above a limit} */
  static TransferException exceeded(String message, @Nullable Throwable cause) {
    return cause == null
        ? new TransferException(ErrorCode.JSON_TOO_LARGE, message, REMEDY)
        : new TransferException(ErrorCode.JSON_TOO_LARGE, message, REMEDY, cause);
  }
}
