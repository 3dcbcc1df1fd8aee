// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A worker's send queues, and their endpoints, by the number that their completions carry. A number
 * that has been given back is given out again in its next generation. Confined to the worker.
 */
final class SlotTable {
  private final List<@Nullable Place> places = new ArrayList<>();
  private final List<Integer> generations = new ArrayList<>();
  private final List<Integer> free = new ArrayList<>();

  /**
   * What has a number.
   *
   * @param endpoint whose queue it is
   * @param queue whose requests complete
   */
  record Place(RdmaEndpoint endpoint, SendQueue queue) {}

  void place(RdmaEndpoint endpoint, SendQueue added) {
    Place place = new Place(endpoint, added);
    int slot;
    if (free.isEmpty()) {
      slot = places.size();
      if (slot >= 1 << SendQueue.SLOT_BITS) {
        throw new IllegalStateException(slot + " queue pairs at one worker");
      }
      places.add(place);
      generations.add(0);
    } else {
      slot = free.removeLast();
      places.set(slot, place);
      generations.set(slot, generations.get(slot) + 1);
    }
    added.placedAt(slot, generations.get(slot));
  }

  /** Does nothing for one that never got a place. */
  void remove(SendQueue gone) {
    if (gone.slot() >= 0) {
      places.set(gone.slot(), null);
      free.add(gone.slot());
    }
  }

  /** {@return the queue that a completion is for; null when it has been removed} */
  @Nullable Place of(long workRequestId) {
    int slot = SendQueue.slotOf(workRequestId);
    return slot < places.size() ? places.get(slot) : null;
  }
}
