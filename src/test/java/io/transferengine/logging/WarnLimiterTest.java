// SPDX-License-Identifier: Apache-2.0
package io.transferengine.logging;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Proxy;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;

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
}
