// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.memory.MemoryKind;
import io.transferengine.transfer.TransferException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who waits for an event is told once, whatever it throws. */
@Timeout(60)
class EventWaitsTest {
  private final SimulatedDevices driver = new SimulatedDevices(1, 1, 1 << 20);
  private final Devices devices = new Devices(() -> driver);
  private final EventWaits waits = new EventWaits(devices);

  @AfterEach
  void closeAll() {
    waits.close();
    devices.close();
    driver.close();
  }

  /** It may have begun its transfer before it threw: twice would be two tasks. */
  @Test
  void aWaiterThatThrowsIsToldOnceAndThenFailed() throws Exception {
    long event = driver.events().pending();
    AtomicInteger told = new AtomicInteger();
    AtomicInteger failures = new AtomicInteger();
    CompletableFuture<TransferException> failed = new CompletableFuture<>();
    EventWaits.Waiter waiter =
        new EventWaits.Waiter() {
          @Override
          public boolean isOver() {
            return told.get() > 3;
          }

          @Override
          public void happened() {
            told.incrementAndGet();
            throw new OutOfMemoryError("simulated");
          }

          @Override
          public void failed(TransferException why) {
            if (failures.incrementAndGet() == 1) {
              throw new OutOfMemoryError("simulated");
            }
            failed.complete(why);
          }
        };
    waits.add(MemoryKind.at("cuda:0"), event, waiter);
    driver.events().happen(event);
    assertThat(failed.get(20, TimeUnit.SECONDS)).hasMessageContaining("was not begun");
    assertThat(told).hasValue(1);
    assertThat(failures).hasValue(2);
    assertThat(driver.events().destroy(event)).isTrue();
  }
}
