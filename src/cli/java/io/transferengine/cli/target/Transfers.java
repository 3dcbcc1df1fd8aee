// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.target;

import io.transferengine.Engine;
import io.transferengine.Transfer;
import io.transferengine.cli.console.CommandException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.time.Duration;

/** Waits for transfers. They end by themselves within their deadline. */
public final class Transfers {
  /** Any length works: the wait is repeated. */
  private static final Duration STEP = Duration.ofMinutes(1);

  private Transfers() {}

  /** {@return a transfer that has ended} */
  public static Transfer move(Engine engine, TransferRequest request) {
    try {
      return engine.submitAndAwait(request);
    } catch (InterruptedException e) {
      throw interrupted();
    }
  }

  public static TransferState forEnd(Transfer transfer) {
    try {
      TransferState state = transfer.await(STEP);
      while (!state.isTerminal()) {
        state = transfer.await(STEP);
      }
      return state;
    } catch (InterruptedException e) {
      throw interrupted();
    }
  }

  private static CommandException interrupted() {
    Thread.currentThread().interrupt();
    return CommandException.failed("Interrupted while waiting for a transfer");
  }
}
