// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/** Turns any failure of a lookup into the exception that callers know. */
final class TransferErrors {
  private TransferErrors() {}

  static TransferException closedEngine() {
    return new TransferException(ErrorCode.CLOSED, "The engine was closed", "Open another one");
  }

  static TransferException of(String target, @Nullable Throwable thrown) {
    Throwable cause = thrown;
    while ((cause instanceof CompletionException || cause instanceof ExecutionException)
        && cause.getCause() != null) {
      cause = cause.getCause();
    }
    if (cause instanceof TransferException known) {
      return known;
    }
    if (cause instanceof OutOfMemoryError) {
      return TransferException.withPeer(
          target,
          ErrorCode.MEMORY,
          "the JVM ran out of memory while it looked the peer up: " + cause.getMessage(),
          "Ask for less at a time, or give the JVM more (-Xmx, -XX:MaxDirectMemorySize)",
          cause);
    }
    return TransferException.withPeer(
        target, ErrorCode.METADATA, "the peer could not be looked up: " + cause, "", cause);
  }

  /** Of a range of ours that no registration covers, and no managed buffer. */
  static TransferException notRegistered(long start, long length) {
    return new TransferException(
        ErrorCode.ADDRESS_NOT_REGISTERED,
        "The local range of %d bytes at 0x%x is not wholly inside one registration or managed buffer"
            .formatted(length, start),
        "Register the memory first, or allocate it with the engine");
  }
}
