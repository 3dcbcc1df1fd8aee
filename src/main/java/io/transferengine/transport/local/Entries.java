// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.transfer.Operation;
import org.jspecify.annotations.Nullable;

/**
 * What a peer's area says of the registrations that the requests of a claim lie in. Reused; for one
 * thread at a time.
 */
final class Entries {
  private final Claim claim;
  private final Gate.@Nullable Entry[] entry;

  /**
   * Of none yet.
   *
   * @param most requests
   */
  Entries(Claim claim, int most) {
    this.claim = claim;
    this.entry = new Gate.@Nullable Entry[most];
  }

  /** {@return that of a request, once it was found} */
  Gate.@Nullable Entry of(int index) {
    return entry[index];
  }

  /** What is the same is not written again: in an array as old as this it costs more to write. */
  @SuppressWarnings("ReferenceEquality") // this one
  private void note(int index, Gate.@Nullable Entry known) {
    if (entry[index] != known) {
      entry[index] = known;
    }
  }

  /** Takes the entries that are known of a gate; {@return whether these are all} */
  boolean knowsAll(Gate gate) {
    for (int i = 0; i < claim.count(); i++) {
      Gate.Entry known = claim.isNextFence(i) ? gate.known(claim.fence(i)) : entry[i - 1];
      if (known == null) {
        return false;
      }
      note(i, known);
    }
    return true;
  }

  /** Reads the entries; {@return the first request whose registration is gone; -1: none} */
  int firstGone(PeerMap map, Gate gate) {
    for (int i = 0; i < claim.count(); i++) {
      if (!claim.isNextFence(i)) {
        note(i, entry[i - 1]);
        continue;
      }
      long at = AreaLayout.entryAt(claim.fence(i));
      if (map.word(at) != claim.fence(i)) {
        return i;
      }
      Gate.Entry found =
          new Gate.Entry(
              claim.fence(i),
              map.word(at + AreaLayout.ENTRY_ADDRESS_AT),
              map.word(at + AreaLayout.ENTRY_LENGTH_AT),
              map.word(at + AreaLayout.ENTRY_RIGHTS_AT));
      gate.note(found);
      entry[i] = found;
    }
    return -1;
  }

  /**
   * {@return the first request that the peer's own entry does not allow; -1 for none}
   *
   * @param ofDevices whether they are to be memory of devices; otherwise none is to be
   */
  int firstRefused(Operation operation, boolean ofDevices) {
    for (int i = 0; i < claim.count(); i++) {
      Gate.Entry allowed = entry[i];
      if (allowed == null
          || allowed.hasHandle() != ofDevices
          || !allowed.covers(claim.remote(i), claim.length(i))
          || !allowed.allows(operation)) {
        return i;
      }
    }
    return -1;
  }

  boolean haveTables() {
    for (int i = 0; i < claim.count(); i++) {
      Gate.Entry known = entry[i];
      if (known != null && known.hasTable()) {
        return true;
      }
    }
    return false;
  }
}
