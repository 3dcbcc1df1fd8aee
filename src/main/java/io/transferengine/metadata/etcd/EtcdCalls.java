// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.etcd;

import io.etcd.jetcd.Client;
import io.etcd.jetcd.common.exception.ErrorCode;
import io.etcd.jetcd.common.exception.EtcdException;
import io.grpc.Status;
import io.transferengine.logging.Printable;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Calls etcd. If a node is not available, the call is tried again on another node while there is
 * time. A client that failed twice, or was silent, is discarded. Thread-safe.
 */
final class EtcdCalls {
  /** The first call also loads classes. One that loaded all of them took 1.7 s. */
  private static final Duration FIRST_ATTEMPT_TIMEOUT = Duration.ofSeconds(4);

  /** The time for one node. A call takes a millisecond, the election of a new leader a second. */
  private static final Duration ATTEMPT_TIMEOUT = Duration.ofMillis(1500);

  private static final long BACK_OFF_MIN_MILLIS = 50;
  private static final long BACK_OFF_MAX_MILLIS = 400;

  /** A reset connection is the first failure. gRPC takes the next node for the second attempt. */
  private static final int FAILURES_UNTIL_DISCARD = 2;

  /** Answers that would be the same from any other node and at any later time. */
  private static final Set<Status.Code> FINAL =
      EnumSet.of(
          Status.Code.INVALID_ARGUMENT,
          Status.Code.NOT_FOUND,
          Status.Code.ALREADY_EXISTS,
          Status.Code.PERMISSION_DENIED,
          Status.Code.RESOURCE_EXHAUSTED,
          Status.Code.FAILED_PRECONDITION,
          Status.Code.OUT_OF_RANGE,
          Status.Code.UNIMPLEMENTED,
          Status.Code.UNAUTHENTICATED);

  private final EtcdClients clients;
  private final Consumer<Client> served;
  private volatile boolean hasServed;

  /**
   * @param served gets the client of each call that was answered
   */
  EtcdCalls(EtcdClients clients, Consumer<Client> served) {
    this.clients = clients;
    this.served = served;
  }

  String description() {
    return "etcd at " + clients.description();
  }

  /**
   * {@return etcd's answer}
   *
   * @param what the call in words
   * @param call makes the call; may run several times
   */
  <T> T call(String what, Duration timeout, Function<Client, CompletableFuture<T>> call) {
    long endNanos = System.nanoTime() + timeout.toNanos();
    long backOffMillis = BACK_OFF_MIN_MILLIS;
    for (int failures = 0; ; failures++) {
      Client client;
      try {
        client = clients.get(Duration.ofNanos(endNanos - System.nanoTime()));
      } catch (IllegalStateException e) {
        throw MetadataStore.unavailable(description(), "its client was closed", e);
      } catch (IOException e) {
        throw MetadataStore.unavailable(
            description(), what + ": " + Printable.of(String.valueOf(e.getMessage()), 300), e);
      }
      Throwable failure;
      try {
        T answer = attempt(client, call, endNanos);
        hasServed = true;
        served.accept(client);
        return answer;
      } catch (TimeoutException e) {
        failure = e;
        clients.discard(client);
      } catch (ExecutionException e) {
        failure = e.getCause() == null ? e : e.getCause();
        if (FINAL.contains(code(failure))) {
          throw refused(what, failure);
        }
        if (failures + 1 >= FAILURES_UNTIL_DISCARD) {
          clients.discard(client);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw MetadataStore.unavailable(description(), "the thread was interrupted", e);
      }
      pause(what, backOffMillis, endNanos, client, failure);
      backOffMillis = Math.min(BACK_OFF_MAX_MILLIS, backOffMillis * 2);
    }
  }

  private <T> T attempt(Client client, Function<Client, CompletableFuture<T>> call, long endNanos)
      throws ExecutionException, TimeoutException, InterruptedException {
    CompletableFuture<T> future;
    try {
      future = call.apply(client);
    } catch (RuntimeException e) {
      throw new ExecutionException(e);
    }
    try {
      Duration most = hasServed ? ATTEMPT_TIMEOUT : FIRST_ATTEMPT_TIMEOUT;
      long leftNanos = Math.min(most.toNanos(), endNanos - System.nanoTime());
      return future.get(leftNanos, TimeUnit.NANOSECONDS);
    } finally {
      future.cancel(true);
    }
  }

  private void pause(
      String what, long backOffMillis, long endNanos, Client client, Throwable failure) {
    long leftMillis = TimeUnit.NANOSECONDS.toMillis(endNanos - System.nanoTime());
    try {
      if (leftMillis > backOffMillis) {
        Thread.sleep(backOffMillis);
        return;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    // The next call may come late. Until then this client must not try again by itself.
    clients.discard(client);
    throw MetadataStore.unavailable(
        description(), what + ": " + Printable.of(text(failure), 300), failure);
  }

  /** jetcd's own exceptions have gRPC's code; of those that it passes on, a cause has it. */
  private static Status.Code code(Throwable failure) {
    for (Throwable t = failure; t != null; t = t.getCause()) {
      if (t instanceof EtcdException etcd && etcd.getErrorCode() != ErrorCode.UNKNOWN) {
        return Status.Code.valueOf(etcd.getErrorCode().name());
      }
    }
    return Status.fromThrowable(failure).getCode();
  }

  /** {@return whether etcd refused because what the call names, such as a lease, does not exist} */
  static boolean isNotFound(TransferException refusal) {
    return code(refusal) == Status.Code.NOT_FOUND;
  }

  private TransferException refused(String what, Throwable failure) {
    return new TransferException(
        io.transferengine.transfer.ErrorCode.METADATA,
        description() + " refuses " + what + ": " + Printable.of(text(failure), 300),
        "Check the log-in and TLS in TE_ETCD_USERNAME, TE_ETCD_PASSWORD and TE_ETCD_TLS",
        failure);
  }

  /** The innermost text names the reason. Those around it only say that a call failed. */
  private static String text(Throwable failure) {
    Throwable innermost = failure;
    while (innermost.getCause() != null) {
      innermost = innermost.getCause();
    }
    return failure instanceof TimeoutException ? "no answer in time" : innermost.toString();
  }
}
