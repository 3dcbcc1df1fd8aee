// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

/** How much JSON from a peer or a store is read before it is refused. */
public final class JsonLimits {
  /** The longest handshake frame that a C++ engine can be configured to send, 128 MiB. */
  public static final int DOCUMENT_LENGTH_MAX_BYTES = 128 << 20;

  /** Our records nest 4 deep; the rest is room for members that we do not know. */
  public static final int NESTING_DEPTH_MAX = 64;

  /** The longest string is an opaque handshake payload: one default C++ frame, 1 MiB. */
  public static final int STRING_LENGTH_MAX = 1 << 20;

  /** Member names are words; those of the priority matrix name memory. */
  public static final int MEMBER_NAME_LENGTH_MAX = 1024;

  /** 20 digits hold any 64-bit number, 25 characters any double; then some. */
  public static final int NUMBER_LENGTH_MAX = 64;

  /** Ten times a large peer (100,000); bounds what tiny entries of a long document take in heap. */
  public static final int BUFFERS_MAX = 1_000_000;

  /** NICs, keys and queue pairs in one list: far above any host, far below what could hurt. */
  public static final int LIST_LENGTH_MAX = 4096;

  private JsonLimits() {}
}
