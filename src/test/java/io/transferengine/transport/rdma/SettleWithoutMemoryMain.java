// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.cli.faults.FullHeap;
import io.transferengine.logging.Anyway;
import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transport.RequestSink;
import io.transferengine.transport.SeamFinder;
import io.transferengine.transport.TransferTask;
import io.transferengine.verbs.QueuePair;
import io.transferengine.verbs.SimulatedFabric;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.slf4j.LoggerFactory;

/** Settles the requests of a queue pair that has ended while its heap is full. */
public final class SettleWithoutMemoryMain {
  private static final int REQUESTS = 8;
  private static final List<String> ONE = List.of("sim0");

  private static int ends;

  private SettleWithoutMemoryMain() {}

  /** Prints how often the transfer ended, and what is still out. */
  public static void main(String[] arguments) {
    SimulatedFabric fabric = new SimulatedFabric(1);
    try (SimulatedEngine engine = new SimulatedEngine(fabric.process("one", ONE), ONE, Map.of())) {
      RdmaNic nic = engine.transport().nics().getFirst();
      try (QueuePair pair =
          nic.device()
              .protectionDomain()
              .createQueuePair(nic.workers().getFirst().completionQueue(), 16, 1, 1, 0)) {
        useBefore();
        TransferTask task = settledWithoutMemory(new SendQueue(pair, REQUESTS));
        System.out.printf("ended %d times, %s%n", ends, task.describe());
      }
    }
    System.exit(0);
  }

  /** What an engine has used long before: in a full heap it could not even be linked. */
  private static void useBefore() {
    TransferTask failing = task((_, _, _, _, _, _) -> {}, 1);
    failing.failed(WorkErrors.localFault(), FailureCause.LOCAL);
    Anyway.error(
        LoggerFactory.getLogger(SettleWithoutMemoryMain.class), "Nothing", new OutOfMemoryError());
    ends = 0;
  }

  private static TransferTask settledWithoutMemory(SendQueue queue) {
    TransferTask task =
        task(
            (owner, block, local, remote, length, unmerged) ->
                queue.ring.add(owner, block, local, remote, (int) length),
            REQUESTS);
    List<TransferTask> returned = new ArrayList<>(REQUESTS);
    FullHeap heap = new FullHeap();
    heap.fill();
    try {
      int _ = queue.settleAll(returned);
    } finally {
      heap.release();
    }
    return task;
  }

  private static TransferTask task(RequestSink<TransferTask> sink, int requests) {
    SeamFinder seams = new SeamFinder(new long[] {1}, new long[] {Long.MAX_VALUE});
    long[] places = new long[REQUESTS];
    long[] lengths = new long[REQUESTS];
    for (int i = 0; i < REQUESTS; i++) {
      places[i] = 1 + 200L * i;
      lengths[i] = 100;
    }
    BlockColumns blocks = BlockColumns.of(places, places, lengths);
    TransferTask task =
        new TransferTask(Operation.WRITE, blocks, seams, seams, (_, _, _) -> ends++);
    int _ = task.claim(sink, requests, Long.MAX_VALUE, Long.MAX_VALUE);
    return task;
  }
}
