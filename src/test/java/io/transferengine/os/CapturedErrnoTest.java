// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class CapturedErrnoTest {
  /** In each try: memory of threads that have ended in this JVM before is used first. */
  private static final int THREADS = 200;

  @Test
  void memoryOfAnEndedThreadIsUsedAgain() {
    Set<Long> seen = new HashSet<>();
    await()
        .until(
            () -> {
              System.gc();
              boolean isUsedAgain = false;
              for (int i = 0; i < THREADS; i++) {
                long address = addressOfAThread();
                assertThat(address).isNotEqualTo(CapturedErrno.state().address());
                isUsedAgain |= !seen.add(address);
              }
              return isUsedAgain;
            });
  }

  private static long addressOfAThread() throws InterruptedException {
    AtomicLong address = new AtomicLong();
    Thread thread = Thread.ofPlatform().start(() -> address.set(CapturedErrno.state().address()));
    thread.join();
    return address.get();
  }
}
