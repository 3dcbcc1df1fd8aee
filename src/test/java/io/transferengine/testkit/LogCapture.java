// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.read.ListAppender;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/** The warnings of the engine while a test runs; they do not reach the console meanwhile. */
public final class LogCapture implements AutoCloseable {
  private final Logger logger = (Logger) LoggerFactory.getLogger("io.transferengine");
  private final ListAppender<ILoggingEvent> appender = new ListAppender<>();
  private final Logger detailed;
  private final @Nullable Level before;

  /** Begins. */
  public LogCapture() {
    this("io.transferengine", Level.WARN);
  }

  private LogCapture(String detailed, Level level) {
    this.detailed = (Logger) LoggerFactory.getLogger(detailed);
    before = this.detailed.getLevel();
    this.detailed.setLevel(level);
    appender.start();
    logger.addAppender(appender);
    logger.setAdditive(false);
  }

  /** {@return one that has begun, and has what a class says at DEBUG as well} */
  public static LogCapture withDebug(String speaker) {
    return new LogCapture(speaker, Level.DEBUG);
  }

  /** {@return how many texts there are so far, of any level, with this in them} */
  public int count(String part) {
    synchronized (appender) {
      return Math.toIntExact(
          appender.list.stream()
              .filter(event -> event.getFormattedMessage().contains(part))
              .count());
    }
  }

  /** {@return the pairs of key and value of the first line so far with this in its text} */
  public Map<String, Object> pairs(String part) {
    Map<String, Object> found = new LinkedHashMap<>();
    synchronized (appender) {
      appender.list.stream()
          .filter(event -> event.getFormattedMessage().contains(part))
          .findFirst()
          .map(ILoggingEvent::getKeyValuePairs)
          .ifPresent(pairs -> pairs.forEach(pair -> found.put(pair.key, pair.value)));
    }
    return found;
  }

  /** {@return the texts at WARN and above so far} */
  public List<String> warnings() {
    synchronized (appender) {
      return appender.list.stream()
          .filter(event -> event.getLevel().isGreaterOrEqual(Level.WARN))
          .map(ILoggingEvent::getFormattedMessage)
          .toList();
    }
  }

  /** {@return the texts at WARN and above so far, each with what was thrown} */
  public List<String> warningsWithStacks() {
    synchronized (appender) {
      return appender.list.stream()
          .filter(event -> event.getLevel().isGreaterOrEqual(Level.WARN))
          .map(
              event ->
                  event.getFormattedMessage()
                      + "\n"
                      + ThrowableProxyUtil.asString(event.getThrowableProxy()))
          .toList();
    }
  }

  /** {@return the texts since the last call} */
  public List<String> take() {
    synchronized (appender) {
      List<String> taken = warnings();
      appender.list.clear();
      return taken;
    }
  }

  @Override
  public void close() {
    logger.detachAppender(appender);
    logger.setAdditive(true);
    detailed.setLevel(before);
  }
}
