// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.logging.LogKeys;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Turns the exceptions of the typed API into the status codes of {@link TransferEngine}. The cause
 * is logged once, under the name of the facade. No exception gets past here.
 */
final class StatusCodes {
  /** The class that users know; it uses this one. */
  private static final Logger log = LoggerFactory.getLogger("io.transferengine.TransferEngine");

  /** The status without an engine, and of a failure without its own code. */
  static final int FAILED = ErrorCode.INVALID_ARGUMENT.value();

  private StatusCodes() {}

  /**
   * {@return the code of a failure, which is logged}
   *
   * <p>Nothing is let through, not even an Error: the caller asked for a status, and the Error
   * ended only this one call. Its stack is in the log, at ERROR. This must hold without memory too,
   * so each method has its own try block around everything; a shared one would need a lambda, an
   * object made outside of it. One allocation remains outside: the JVM makes the text of a name
   * when it is first used.
   */
  static int failed(String name, Throwable failure) {
    if (failure instanceof EngineSlot.NotOpen) {
      return FAILED;
    }
    if (failure instanceof InterruptedException) {
      Thread.currentThread().interrupt();
    }
    try {
      log(name, failure);
    } catch (Throwable unlogged) {
      // No memory for a text either, or the caller's logger throws: the status remains.
    }
    // Not a switch over types, here or in the log: it makes objects when it is first used, and if
    // there is no memory for them, it fails from then on.
    if (failure instanceof TransferException known) {
      return known.code().value();
    }
    return failure instanceof OutOfMemoryError ? ErrorCode.MEMORY.value() : FAILED;
  }

  /**
   * {@return {@code value}} For methods that return no status; as {@link #failed(String,
   * Throwable)} in all else.
   */
  static <T> T failed(String name, Throwable failure, T value) {
    int _ = failed(name, failure);
    return value;
  }

  private static void log(String name, Throwable failure) {
    if (failure instanceof TransferException own) {
      LogKeys.NONE
          .with("call", name)
          .with("code", own.code())
          .on(log.atWarn())
          .log("{}: {}", name, failure.getMessage());
      log.debug("{}", name, failure);
    } else if (failure instanceof NullPointerException) {
      nullArgument(name, failure);
    } else if (failure instanceof InterruptedException) {
      log.warn("{}: the thread was interrupted while it waited, so the call ended", name);
    } else if (failure instanceof OutOfMemoryError) {
      log.warn(
          "{}: the JVM ran out of memory ({}). Ask for less at a time, or give the JVM more"
              + " (-Xmx, -XX:MaxDirectMemorySize).",
          name,
          failure.getMessage());
    } else if (failure instanceof Error) {
      log.error("{} failed", name, failure);
    } else {
      log.warn("{} failed", name, failure);
    }
  }

  /** Says why a transfer did not complete; nothing for an empty text. */
  static void logFailure(String name, String why) {
    if (!why.isEmpty()) {
      log.warn("{}: {}", name, why);
    }
  }

  /** The JVM's text says which argument it was. */
  private static void nullArgument(String name, Throwable e) {
    log.warn("{}: an argument is null ({}). Pass an empty string for none.", name, e.getMessage());
    log.debug("{}", name, e);
  }
}
