// SPDX-License-Identifier: Apache-2.0
package io.transferengine.logging;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.LogCapture;
import java.lang.reflect.Proxy;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

class WarnLimiterTest {
  @Test
  void aFloodIsOneWarning() {
    AtomicInteger warnings = new AtomicInteger();
    Logger logger =
        (Logger)
            Proxy.newProxyInstance(
                Logger.class.getClassLoader(),
                new Class<?>[] {Logger.class},
                (_, method, _) -> {
                  if (method.getName().equals("warn")) {
                    warnings.incrementAndGet();
                  }
                  return null;
                });
    WarnLimiter log = new WarnLimiter(logger);
    for (int i = 0; i < 1000; i++) {
      log.warn("bad " + i);
    }
    assertThat(warnings).hasValue(1);
  }

  @Test
  void aLineHasWhatItIsAboutAndHowManyWereHeldBack() throws InterruptedException {
    try (LogCapture logs = new LogCapture()) {
      WarnLimiter log = new WarnLimiter(LoggerFactory.getLogger("io.transferengine.test"));
      LogKeys about = LogKeys.peer("a\nb").cause("c".repeat(1000)).with("bytes", 5L);
      log.warn("the first", about);
      assertThat(logs.pairs("the first"))
          .containsEntry("peer", "a b")
          .containsEntry("bytes", 5L)
          .hasEntrySatisfying("cause", cause -> assertThat(cause).asString().hasSize(303))
          .hasSize(3);
      log.warn("held back", about);
      while (logs.count("a later one") == 0) {
        TimeUnit.MILLISECONDS.sleep(100);
        log.warn("a later one", about);
      }
      assertThat(logs.pairs("a later one"))
          .containsEntry("peer", "a b")
          .hasEntrySatisfying("held_back", count -> assertThat((Long) count).isPositive());
    }
  }

  /** A stranger may be able to repeat a mistake of ours. */
  @Test
  void ofManyFaultsOneIsLoggedWithItsStack() {
    try (LogCapture logs = new LogCapture()) {
      WarnLimiter log = new WarnLimiter(LoggerFactory.getLogger("io.transferengine.test"));
      for (int i = 0; i < 1000; i++) {
        log.fault("it failed", new IllegalStateException("cause"));
      }
      assertThat(logs.warningsWithStacks()).isNotEmpty().hasSizeLessThan(1000);
      assertThat(logs.warningsWithStacks().getFirst()).contains("it failed", "cause", "\tat ");
    }
  }

  @Test
  void loggingThatThrowsHarmsNobody() {
    Logger throwing =
        (Logger)
            Proxy.newProxyInstance(
                Logger.class.getClassLoader(),
                new Class<?>[] {Logger.class},
                (_, _, _) -> {
                  throw new OutOfMemoryError("a test's");
                });
    new WarnLimiter(throwing).fault("it failed", new IllegalStateException("cause"));
  }
}
