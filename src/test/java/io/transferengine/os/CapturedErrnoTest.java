// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class CapturedErrnoTest {
  @Test
  void memoryOfAnEndedThreadIsUsedAgain() throws Exception {
    long first = addressOfAThread();
    Set<Long> others = new HashSet<>();

    await()
        .until(
            () -> {
              System.gc();
              long address = addressOfAThread();
              others.add(address);
              return address == first;
            });

    assertThat(others).doesNotContain(CapturedErrno.state().address());
  }

  private static long addressOfAThread() throws InterruptedException {
    AtomicLong address = new AtomicLong();
    Thread thread = Thread.ofPlatform().start(() -> address.set(CapturedErrno.state().address()));
    thread.join();
    return address.get();
  }
}
