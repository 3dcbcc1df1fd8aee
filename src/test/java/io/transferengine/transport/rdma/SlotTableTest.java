// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.verbs.QueuePair;
import io.transferengine.verbs.SimulatedFabric;
import io.transferengine.verbs.SimulatedVerbs;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class SlotTableTest {
  private static final int MANY = 1000;
  private static final List<String> ONE = List.of("sim0");

  /** Were there none, the requests of its endpoint would never be settled. */
  @Test
  void aNumberIsGivenBackWithoutMemoryAndComesBackInItsNextGeneration() {
    SimulatedFabric fabric = new SimulatedFabric(1);
    SimulatedVerbs verbs = fabric.process("one", ONE);
    try (SimulatedEngine engine = new SimulatedEngine(verbs, ONE, Map.of())) {
      RdmaNic nic = engine.transport().nics().getFirst();
      RdmaDevice device = nic.device();
      RdmaWorker worker = nic.workers().getFirst();
      try (QueuePair pair =
          device.protectionDomain().createQueuePair(worker.completionQueue(), 16, 1, 1, 0)) {
        RdmaEndpoint endpoint = new RdmaEndpoint(device, worker, "peer", List.of(pair));
        List<SendQueue> queues = Stream.generate(() -> new SendQueue(pair, 2)).limit(MANY).toList();
        SlotTable slots = new SlotTable();
        slots.place(endpoint, queues.getFirst());
        slots.remove(queues.getFirst());
        queues.forEach(queue -> slots.place(endpoint, queue));
        long id = queues.get(MANY / 2).workRequestId(0);
        assertThat(slots.of(id)).isEqualTo(new SlotTable.Place(endpoint, queues.get(MANY / 2)));
        long before = allocatedBytes();
        for (int i = 0; i < MANY; i++) {
          slots.remove(queues.get(i));
        }
        assertThat(allocatedBytes() - before).isLessThan(MANY);
        assertThat(slots.of(id)).isNull();
        queues.forEach(queue -> slots.place(endpoint, queue));
        assertThat(queues)
            .extracting(queue -> slots.of(queue.workRequestId(0)))
            .doesNotContainNull();
        assertThat(queues).extracting(queue -> queue.workRequestId(0)).doesNotContain(id);
        assertThat(queues).extracting(SendQueue::slot).doesNotHaveDuplicates();
      }
    }
    assertThat(fabric.violations()).isEmpty();
    fabric.close();
  }

  private static long allocatedBytes() {
    return ((com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean())
        .getCurrentThreadAllocatedBytes();
  }
}
