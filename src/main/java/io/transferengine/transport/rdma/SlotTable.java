// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A worker's send queues by the number that their completions carry. A number that has been given
 * back is given out again in its next generation. Confined to the worker.
 */
final class SlotTable {
  private final List<@Nullable SendQueue> queues = new ArrayList<>();
  private final List<Integer> generations = new ArrayList<>();
  private final List<Integer> free = new ArrayList<>();

  void place(SendQueue added) {
    int slot;
    if (free.isEmpty()) {
      slot = queues.size();
      if (slot >= 1 << SendQueue.SLOT_BITS) {
        throw new IllegalStateException(slot + " queue pairs at one worker");
      }
      queues.add(added);
      generations.add(0);
    } else {
      slot = free.removeLast();
      queues.set(slot, added);
      generations.set(slot, generations.get(slot) + 1);
    }
    added.placedAt(slot, generations.get(slot));
  }

  /** Does nothing for one that never got a place. */
  void remove(SendQueue gone) {
    if (gone.slot() >= 0) {
      queues.set(gone.slot(), null);
      free.add(gone.slot());
    }
  }

  /** {@return the queue that a completion is for; null when it has been removed} */
  @Nullable SendQueue of(long workRequestId) {
    int slot = SendQueue.slotOf(workRequestId);
    return slot < queues.size() ? queues.get(slot) : null;
  }
}
