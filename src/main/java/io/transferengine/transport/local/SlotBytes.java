// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.device.PinnedSlots;
import io.transferengine.metrics.FailureCause;
import io.transferengine.os.Errno;
import io.transferengine.os.IoVectors;
import io.transferengine.os.ProcessMemory;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.TransferTask;

/**
 * Copies between our host memory that the requests of a claim lie in and a slot where they lie one
 * behind the other. By calls, since what others have registered may be gone. For one thread at a
 * time.
 */
final class SlotBytes {
  private final Claim claim;
  private final ProcessMemory memory;
  private final int ownPid;
  private final IoVectors into = new IoVectors(Copier.RANGES);
  private final IoVectors from = new IoVectors(Copier.RANGES);

  /**
   * Nothing yet.
   *
   * @param claim of at most {@link Copier#RANGES} requests, whenever it is copied
   */
  SlotBytes(Claim claim, ProcessMemory memory, int ownPid) {
    this.claim = claim;
    this.memory = memory;
    this.ownPid = ownPid;
  }

  /**
   * Copies all requests to the slot. {@return whether they are there} If not, the one that cannot
   * be read has failed, and none is left.
   */
  boolean load(TransferTask task, String peer, long slot) {
    lay(from, into, slot);
    long copied = memory.read(ownPid, into, from);
    if (copied == from.totalBytes()) {
      return true;
    }
    fail(task, peer, whole(copied), copied);
    return false;
  }

  /** Copies all requests from the slot, and settles them. */
  void store(TransferTask task, String peer, long slot) {
    lay(into, from, slot);
    long copied = memory.read(ownPid, into, from);
    int whole = whole(copied);
    if (whole > 0) {
      long bytes = 0;
      for (int i = 0; i < whole; i++) {
        bytes += claim.length(i);
      }
      claim.completed(task, whole, bytes);
    }
    if (whole < claim.count()) {
      fail(task, peer, whole, copied);
    }
  }

  /** Says where all requests lie in our memory, and in the slot. */
  private void lay(IoVectors host, IoVectors inSlot, long slot) {
    host.clear();
    inSlot.clear();
    for (int i = 0; i < claim.count(); i++) {
      host.add(claim.local(i), claim.length(i));
    }
    long bytes = host.totalBytes();
    if (bytes > PinnedSlots.SLOT_BYTES) {
      // The rest would be other memory of this process.
      throw new IllegalStateException("A claim of " + bytes + " bytes is longer than a slot");
    }
    inSlot.add(slot, bytes);
  }

  /** {@return how many requests so many bytes are, from the first on} */
  private int whole(long copied) {
    int whole = 0;
    long bytes = 0;
    while (whole < claim.count() && bytes + claim.length(whole) <= copied) {
      bytes += claim.length(whole++);
    }
    return whole;
  }

  private void fail(TransferTask task, String peer, int index, long copied) {
    TransferException why =
        copied >= 0 || copied == -Errno.EFAULT.number()
            ? LocalFaults.localGone(peer, claim.local(index), claim.length(index))
            : LocalFaults.notDone(peer, ownPid, -copied);
    claim.fail(task, index, why, FailureCause.LOCAL);
  }
}
