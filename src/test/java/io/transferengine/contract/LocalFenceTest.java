// SPDX-License-Identifier: Apache-2.0
package io.transferengine.contract;

import static io.transferengine.contract.Party.MAIN;
import static io.transferengine.contract.Party.MAIN_BYTES;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.contract.Party.Move;
import io.transferengine.engine.TransferHandle;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferState;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Memory is taken back in whole engines while a copy into it stands still in the kernel. */
@Timeout(60)
class LocalFenceTest {
  private static final Duration LONG = Duration.ofMinutes(5);
  private static final byte MARKER = (byte) 0xa5;

  @Test
  void anUnregistrationWaitsForACopyThatHasPassedTheGate() throws Exception {
    try (LocalSetup setup = new LocalSetup();
        Party left = new Party(setup, "left", 1);
        Party right = new Party(setup, "right", 2)) {
      Move move = left.main(Operation.WRITE, right);
      assertThat(end(move.submit(LONG))).isEqualTo(TransferState.COMPLETED);
      setup.memory().holdInside();
      TransferHandle held = move.submit(LONG);
      setup.memory().awaitInside();
      CompletableFuture<Void> taken = CompletableFuture.runAsync(right::unregisterMain);
      try {
        // Longer than the second that transfers get; it must not return, and cannot fail yet.
        Assertions.assertThatThrownBy(() -> taken.get(2, TimeUnit.SECONDS))
            .isInstanceOf(TimeoutException.class);
      } finally {
        setup.memory().goOn();
      }
      taken.get(30, TimeUnit.SECONDS);
      move.arrives();
      right.memory.check();
      right.memory.fill(MAIN, MAIN_BYTES, MARKER);
      // The rest of it finds the gate closed.
      assertThat(end(held)).isEqualTo(TransferState.FAILED);
      right.memory.check();
    }
  }

  private static TransferState end(TransferHandle transfer) throws InterruptedException {
    return transfer.await(Duration.ofSeconds(30));
  }
}
