// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.ibv_async_event;
import java.lang.foreign.MemorySegment;

/** Asynchronous events as {@code struct ibv_async_event}; under the fabric's lock. */
final class SimulatedEvents {
  private SimulatedEvents() {}

  static boolean isOf(SimulatedHandle.Context.Event event, SimulatedQueuePair queuePair) {
    return AsyncEventType.of(event.type()).element() == AsyncEventType.Element.QUEUE_PAIR
        && event.element() == queuePair.struct.address();
  }

  /** Hands an event out; its queue pair cannot be destroyed until it is acknowledged. */
  static void write(
      SimulatedFabric fabric, SimulatedHandle.Context.Event event, MemorySegment struct) {
    ibv_async_event.event_type(struct, event.type());
    MemorySegment element = ibv_async_event.element(struct);
    switch (AsyncEventType.of(event.type()).element()) {
      case PORT -> ibv_async_event.element.port_num(element, (int) event.element());
      case QUEUE_PAIR -> {
        MemorySegment queuePair = MemorySegment.ofAddress(event.element());
        ibv_async_event.element.qp(element, queuePair);
        fabric.find(SimulatedQueuePair.class, queuePair, "ibv_get_async_event").unacknowledged++;
      }
      case COMPLETION_QUEUE ->
          ibv_async_event.element.cq(element, MemorySegment.ofAddress(event.element()));
      case DEVICE, OTHER -> {}
    }
  }

  static void acknowledge(SimulatedFabric fabric, MemorySegment struct) {
    AsyncEventType type = AsyncEventType.of(ibv_async_event.event_type(struct));
    if (type.element() == AsyncEventType.Element.QUEUE_PAIR) {
      MemorySegment queuePair = ibv_async_event.element.qp(ibv_async_event.element(struct));
      fabric.find(SimulatedQueuePair.class, queuePair, "ibv_ack_async_event").unacknowledged--;
      fabric.lock.notifyAll();
    }
  }
}
