// SPDX-License-Identifier: Apache-2.0
package io.transferengine.fuzz;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.turbo.TurboFilter;
import ch.qos.logback.core.spi.FilterReply;
import io.transferengine.transfer.TransferException;
import java.io.UncheckedIOException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;
import org.slf4j.Marker;

/**
 * Faults that code of ours catches broadly and logs, so that no caller sees them. Looks at what is
 * handed to a log at any level, whether or not it is written, and keeps the first fault.
 */
public final class LoggedFaults extends TurboFilter {
  private static final AtomicReference<@Nullable AssertionError> first = new AtomicReference<>();
  private static @Nullable LoggedFaults watching;

  private final FilterReply reply;

  private LoggedFaults(FilterReply reply) {
    this.reply = reply;
  }

  /**
   * Begins.
   *
   * @param silently whether nothing is written to logs meanwhile: millions of inputs are refused
   */
  static synchronized void watch(boolean silently) {
    if (watching == null) {
      LoggedFaults filter = new LoggedFaults(silently ? FilterReply.DENY : FilterReply.NEUTRAL);
      LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
      filter.setContext(context);
      filter.start();
      context.addTurboFilter(filter);
      watching = filter;
    }
    forget();
  }

  /** Ends. */
  static synchronized void unwatch() {
    if (watching != null) {
      LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
      context.getTurboFilterList().remove(watching);
      watching = null;
    }
  }

  private static void forget() {
    first.set(null);
  }

  /** Throws what was logged since the last call. */
  static void requireNone() {
    AssertionError fault = first.getAndSet(null);
    if (fault != null) {
      throw fault;
    }
  }

  /**
   * {@return whether this is a fault of ours, not an answer to bad input} What a {@link
   * TransferException} was made from is known to its maker, unless it is of a kind that nobody
   * should rely on.
   */
  static boolean isFault(Throwable thrown) {
    boolean known =
        thrown instanceof TransferException
            || thrown instanceof UncheckedIOException
            || thrown instanceof RejectedExecutionException;
    return (thrown instanceof RuntimeException && !known) || isBlunder(thrown);
  }

  /** {@return whether this or a cause of it is a mistake, whoever caught it} */
  static boolean isBlunder(Throwable thrown) {
    for (Throwable t = thrown; t != null; t = t.getCause()) {
      if (t instanceof Error
          || t instanceof NullPointerException
          || t instanceof IndexOutOfBoundsException
          || t instanceof ClassCastException
          || t instanceof NegativeArraySizeException
          || t instanceof ArithmeticException
          || t instanceof ArrayStoreException) {
        return true;
      }
    }
    return false;
  }

  @Override
  public FilterReply decide(
      @Nullable Marker marker,
      Logger logger,
      Level level,
      @Nullable String format,
      Object @Nullable [] params,
      @Nullable Throwable thrown) {
    Throwable found = thrown;
    if (found == null && params != null && params.length > 0) {
      found = params[params.length - 1] instanceof Throwable last ? last : null;
    }
    if (found != null && isFault(found)) {
      first.compareAndSet(
          null,
          new AssertionError("caught and logged by " + logger.getName() + ": " + found, found));
    }
    return reply;
  }
}
