// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
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

  /** Something that an open engine answers. */
  interface Call<T> {
    T on(Engine open) throws InterruptedException;
  }

  /** Something that an open engine does. */
  interface Action {
    void on(Engine open);
  }

  private StatusCodes() {}

  /** {@return 0 when the action was done, -1 without an engine, else the failure's code} */
  static int run(String name, @Nullable Engine open, Action action) {
    return status(
        name,
        () -> {
          if (open == null) {
            return FAILED;
          }
          action.on(open);
          return 0;
        });
  }

  /** {@return the status that the call gives, or the code of its failure, whatever that is} */
  static int status(String name, Callable<Integer> call) {
    try {
      return call.call();
    } catch (Throwable t) {
      return failed(name, t);
    }
  }

  /** {@return what the call gives, or {@code otherwise} when it fails or there is no engine} */
  static <T> T value(String name, @Nullable Engine open, T otherwise, Call<T> call) {
    if (open == null) {
      return otherwise;
    }
    try {
      return call.on(open);
    } catch (Throwable t) {
      int _ = failed(name, t);
      return otherwise;
    }
  }

  /**
   * {@return the code of a failure, which is logged}
   *
   * <p>Nothing is let through, not even what the JVM throws: whoever called has asked for a status,
   * and what an Error ended here is this one call. Its stack is in the log, at ERROR.
   */
  static int failed(String name, Throwable failure) {
    if (failure instanceof InterruptedException) {
      Thread.currentThread().interrupt();
    }
    try {
      log(name, failure);
    } catch (Throwable unlogged) {
      // Out of memory for a text, too, or a logger of the caller's that throws: the status remains.
    }
    return switch (failure) {
      case TransferException known -> known.code().value();
      case OutOfMemoryError _ -> ErrorCode.MEMORY.value();
      default -> FAILED;
    };
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
