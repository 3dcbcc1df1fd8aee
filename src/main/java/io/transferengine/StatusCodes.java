// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * From the exceptions of the typed API to the status codes of {@link TransferEngine}. What a code
 * hides is logged, once, under the facade's name. Nothing that is thrown gets past here.
 */
final class StatusCodes {
  private static final Logger log = LoggerFactory.getLogger(TransferEngine.class);

  /** What there is to say without an engine, and of a failure that has no code of its own. */
  static final int FAILED = ErrorCode.INVALID_ARGUMENT.value();

  private StatusCodes() {}

  /**
   * {@return the code of a failure, which is logged}
   *
   * <p>Nothing is let through, not even what the JVM throws: whoever called has asked for a status,
   * and what an Error ended here is this one call. Its stack is in the log, at ERROR. So that it
   * holds when there is no memory for anything, too, each method has a try block of its own around
   * all that it does: a lambda for a common one would be an object that is made outside of it. What
   * is left is the JVM's own: it makes the text of a name when that is first used.
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
      // Out of memory for a text, too, or a logger of the caller's that throws: the status remains.
    }
    // A switch over types makes objects when it is first used.
    if (failure instanceof TransferException known) {
      return known.code().value();
    }
    return failure instanceof OutOfMemoryError ? ErrorCode.MEMORY.value() : FAILED;
  }

  private static void log(String name, Throwable failure) {
    switch (failure) {
      case TransferException known -> {
        log.warn("{}: {}", name, known.getMessage());
        log.debug("{}", name, known);
      }
      case NullPointerException _ -> nullArgument(name, failure);
      case InterruptedException _ ->
          log.warn("{}: the thread was interrupted while it waited, which ended the call", name);
      case OutOfMemoryError _ ->
          log.warn(
              "{}: the JVM had no memory for it ({}). Ask for less at a time, or give the JVM more"
                  + " (-Xmx, -XX:MaxDirectMemorySize).",
              name,
              failure.getMessage());
      case Error _ -> log.error("{} failed", name, failure);
      default -> log.warn("{} failed", name, failure);
    }
  }

  /** Says why a transfer did not complete; nothing for an empty text. */
  static void logFailure(String name, String why) {
    if (!why.isEmpty()) {
      log.warn("{}: {}", name, why);
    }
  }

  /** The JVM's own text says which argument it was. */
  private static void nullArgument(String name, Throwable e) {
    log.warn(
        "{}: an argument is null ({}). No argument may be; an empty string stands for none.",
        name,
        e.getMessage());
    log.debug("{}", name, e);
  }
}
