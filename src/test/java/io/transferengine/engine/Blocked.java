// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import java.util.concurrent.CountDownLatch;

/** Has a thread of the engine stand still, as a mistake of ours would. */
public final class Blocked {
  private Blocked() {}

  /** The thread that settles a transfer's last request then waits, uninterruptibly. */
  public static void whenOver(TransferHandle transfer, CountDownLatch until) {
    transfer.whenOver(
        () -> {
          while (true) {
            try {
              until.await();
              return;
            } catch (InterruptedException e) {
              // It does not listen: that is the mistake.
            }
          }
        });
  }
}
