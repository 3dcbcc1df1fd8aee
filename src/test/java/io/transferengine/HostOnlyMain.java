// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;

/** Moves host memory, of every kind, by every way that needs no network card. */
final class HostOnlyMain {
  private static final int BYTES = 1 << 20;

  private HostOnlyMain() {}

  /** No arguments. */
  public static void main(String[] arguments) throws Exception {
    for (LocalMode mode : new LocalMode[] {LocalMode.OFF, LocalMode.REQUIRED}) {
      try (Arena arena = Arena.ofShared();
          Engine asking = open(mode);
          Engine asked = open(mode);
          Allocation managed = asking.allocate(BYTES);
          Allocation managedThere = asked.allocate(BYTES)) {
        MemorySegment registered = arena.allocate(BYTES);
        var _ = asking.register(registered);
        move(asking, asked, registered.address(), managedThere.address());
        move(asking, asked, managed.address(), managedThere.address());
      }
    }
  }

  private static Engine open(LocalMode mode) {
    return Engine.open(
        EngineConfig.builder("127.0.0.1")
            .metadataServer("P2PHANDSHAKE")
            .protocol("tcp")
            .listenAddress("127.0.0.1")
            .local(mode)
            .build());
  }

  private static void move(Engine from, Engine to, long local, long remote) throws Exception {
    for (Operation operation : Operation.values()) {
      TransferRequest request =
          TransferRequest.of(
              operation, to.segmentName(), BlockColumns.of(local, remote, (long) BYTES));
      Transfer transfer = from.submit(request.withNotification("n", "m"));
      if (transfer.await(Duration.ofSeconds(60)) != TransferState.COMPLETED) {
        throw new IllegalStateException(transfer + ", " + transfer.failure());
      }
    }
  }
}
