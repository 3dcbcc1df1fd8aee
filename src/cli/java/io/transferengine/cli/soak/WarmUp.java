// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.Registration;
import io.transferengine.Transfer;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.target.Transfers;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Uses the library and all below it once in each role, before the heap of this process is full: a
 * class whose first use fails then is lost to the process for ever (JVM specification, 5.5).
 */
final class WarmUp {
  private static final long BYTES = 256 << 10;

  /** On a machine that is busy enough, even a first handshake may not end in its time. */
  private static final int TRIES = 10;

  private WarmUp() {}

  /**
   * Moves bytes between two engines of this process.
   *
   * @param protocol of their transport
   */
  static void run(String protocol) {
    try (Arena arena = Arena.ofShared();
        Engine here = Engine.open(config(protocol));
        Engine there = Engine.open(config(protocol))) {
      MemorySegment from = arena.allocate(BYTES);
      MemorySegment to = arena.allocate(BYTES);
      for (long length = 1; length <= BYTES; length *= 8) {
        from.asSlice(0, length).fill((byte) 0); // As RunningMove does.
      }
      List<Registration> registrations = new ArrayList<>();
      registrations.add(here.register(from));
      registrations.add(there.register(to));
      for (Operation operation : Operation.values()) {
        move(here, operation, from, there.segmentName(), to.address());
        move(there, operation, to, here.segmentName(), from.address());
      }
      registrations.forEach(Registration::close);
    }
  }

  /** Ports of their own: the others are behind relays. */
  private static EngineConfig config(String protocol) {
    return EngineConfig.fromEnvironment(Ports.REAL)
        .protocol(protocol)
        .metadataServer(Setup.PEER_TO_PEER)
        .metricsPort(-1)
        .advertisedHost(Ports.REAL)
        .rpcPort(0)
        .dataPort(0)
        .build();
  }

  private static void move(
      Engine engine, Operation operation, MemorySegment local, String segment, long remote) {
    Transfer last = submit(engine, operation, local, segment, remote);
    for (int i = 1; i < TRIES && Transfers.forEnd(last) != TransferState.COMPLETED; i++) {
      last = submit(engine, operation, local, segment, remote);
    }
    TransferState state = Transfers.forEnd(last);
    if (state != TransferState.COMPLETED) {
      throw CommandException.failed(
          "The first %s ended %s: %s".formatted(operation, state, last.failure()));
    }
  }

  private static Transfer submit(
      Engine engine, Operation operation, MemorySegment local, String segment, long remote) {
    return engine.submit(
        operation == Operation.WRITE
            ? TransferRequest.write(segment, local, remote)
            : TransferRequest.read(segment, local, remote));
  }
}
