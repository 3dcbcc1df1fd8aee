// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A worker's send queues and their endpoints, by the slot number in their completions. A slot that
 * was given back is used again, with the next generation. Confined to the worker.
 */
final class SlotTable {
  private static final int FIRST_CAPACITY = 16;

  private @Nullable Place[] places = new Place[FIRST_CAPACITY];
  private int[] generations = new int[FIRST_CAPACITY];

  /**
   * The slots that were given back. The array is as long as the others, so giving back needs no
   * memory.
   */
  private int[] free = new int[FIRST_CAPACITY];

  private int slots;
  private int freeSlots;

  /**
   * The content of a slot.
   *
   * @param endpoint the endpoint that the queue belongs to
   * @param queue the queue whose requests complete
   */
  record Place(RdmaEndpoint endpoint, SendQueue queue) {}

  /** Gives a queue a slot. If it throws, nothing has changed. */
  void place(RdmaEndpoint endpoint, SendQueue added) {
    Place place = new Place(endpoint, added);
    if (freeSlots == 0 && slots == places.length) {
      grow();
    }
    int slot;
    if (freeSlots == 0) {
      slot = slots++;
    } else {
      slot = free[--freeSlots];
      generations[slot]++;
    }
    places[slot] = place;
    added.placedAt(slot, generations[slot]);
  }

  private void grow() {
    if (slots >= 1 << SendQueue.SLOT_BITS) {
      throw new IllegalStateException(slots + " queue pairs at one worker");
    }
    @Nullable Place[] morePlaces = Arrays.copyOf(places, 2 * slots);
    int[] moreGenerations = Arrays.copyOf(generations, 2 * slots);
    free = new int[2 * slots];
    places = morePlaces;
    generations = moreGenerations;
  }

  /**
   * Takes a queue's slot back, if it has one. This needs no memory, so that it cannot fail before
   * the endpoint is settled.
   */
  void remove(SendQueue gone) {
    int slot = gone.slot();
    if (slot >= 0) {
      places[slot] = null;
      free[freeSlots++] = slot;
    }
  }

  /** {@return the queue that a completion is for; null if it has been removed} */
  @Nullable Place of(long workRequestId) {
    int slot = SendQueue.slotOf(workRequestId);
    return slot < slots ? places[slot] : null;
  }
}
