// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Transfer;
import io.transferengine.transfer.TransferException;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * From the exceptions of the typed API to the status codes of {@link TransferEngine}. What a code
 * hides is logged, once, under the facade's name.
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

  /** {@return the status that the call gives, or the code of its failure} */
  static int status(String name, Callable<Integer> call) {
    try {
      return call.call();
    } catch (TransferException e) {
      return refused(name, e);
    } catch (NullPointerException e) {
      return nullArgument(name, e);
    } catch (Exception e) {
      log.warn("{} failed", name, e);
      return FAILED;
    }
  }

  /** {@return what the call gives, or {@code otherwise} when it fails or there is no engine} */
  static <T> T value(String name, @Nullable Engine open, T otherwise, Call<T> call) {
    if (open == null) {
      return otherwise;
    }
    try {
      return call.on(open);
    } catch (TransferException e) {
      log.warn("{}: {}", name, e.getMessage());
      return otherwise;
    } catch (NullPointerException e) {
      nullArgument(name, e);
      return otherwise;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return otherwise;
    } catch (RuntimeException e) {
      log.warn("{} failed", name, e);
      return otherwise;
    }
  }

  /** {@return the code of a failure, whose text is logged} */
  static int refused(String name, TransferException failure) {
    log.warn("{}: {}", name, failure.getMessage());
    return failure.code().value();
  }

  /** Says why a transfer did not complete, if it did not. */
  static void logFailure(String name, Transfer transfer) {
    transfer.failure().ifPresent(failure -> log.warn("{}: {}", name, failure.getMessage()));
  }

  /** The JVM's own text says which argument it was. */
  private static int nullArgument(String name, NullPointerException e) {
    log.warn(
        "{}: an argument is null ({}). No argument may be; an empty string stands for none.",
        name,
        e.getMessage());
    log.debug("{}", name, e);
    return FAILED;
  }
}
