// SPDX-License-Identifier: Apache-2.0
package io.transferengine.contract;

import io.transferengine.engine.EngineCore;
import io.transferengine.engine.LocalTopology;
import io.transferengine.engine.TransferHandle;
import io.transferengine.topology.Topology;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transport.tcp.TcpTransportProvider;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Moves bytes over RDMA, on simulated devices, in a JVM that may have no Netty: a user of RDMA
 * alone may leave it out. TCP is offered, too, as it always is.
 */
public final class RdmaAloneMain {
  private static final int LENGTH_BYTES = 1 << 20;

  private RdmaAloneMain() {}

  /** Prints whether TCP could be used, and how the transfers ended. */
  public static void main(String[] arguments) throws InterruptedException {
    System.out.println("TCP: " + problemOfTcp());
    try (SimulatedRdmaSetup setup = new SimulatedRdmaSetup(1);
        Arena arena = Arena.ofShared();
        EngineCore initiator = open(setup, "initiator");
        EngineCore target = open(setup, "target")) {
      MemorySegment source = arena.allocate(LENGTH_BYTES, 4096);
      MemorySegment remote = arena.allocate(LENGTH_BYTES, 4096);
      MemorySegment back = arena.allocate(LENGTH_BYTES, 4096);
      for (int i = 0; i < LENGTH_BYTES; i++) {
        source.set(ValueLayout.JAVA_BYTE, i, (byte) (i * 31 + (i >> 8)));
      }
      var _ = initiator.memory().register(source.address(), LENGTH_BYTES, "*");
      var _ = initiator.memory().register(back.address(), LENGTH_BYTES, "*");
      var _ = target.memory().register(remote.address(), LENGTH_BYTES, "*");
      move(initiator, target, Operation.WRITE, source, remote);
      move(initiator, target, Operation.READ, back, remote);
      System.out.println(
          "moved: " + (source.mismatch(remote) == -1 && source.mismatch(back) == -1));
    }
    System.exit(0);
  }

  /** Why an engine with TCP alone cannot be opened. */
  private static String problemOfTcp() {
    LocalTopology none = new LocalTopology(List.of(), Topology.none(), Optional.empty());
    try (EngineCore _ =
        LoopbackEngine.open("tcp", Map.of(), List.of(new TcpTransportProvider()), none)) {
      return "there";
    } catch (TransferException e) {
      return String.valueOf(e.getMessage());
    }
  }

  private static EngineCore open(SimulatedRdmaSetup setup, String name) {
    return LoopbackEngine.open(
        "rdma",
        Map.of(),
        List.of(setup.provider(name), new TcpTransportProvider()),
        setup.devices());
  }

  private static void move(
      EngineCore initiator,
      EngineCore target,
      Operation operation,
      MemorySegment local,
      MemorySegment remote)
      throws InterruptedException {
    TransferHandle transfer =
        initiator.submit(
            TransferRequest.of(
                operation,
                target.segmentName(),
                BlockColumns.of(local.address(), remote.address(), LENGTH_BYTES)));
    System.out.println(operation + ": " + transfer.await(Duration.ofMinutes(1)));
  }
}
