// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.memory.Region;
import io.transferengine.metrics.FailureCause;
import io.transferengine.os.Errno;
import io.transferengine.os.IoVectors;
import io.transferengine.os.ProcessMemory;
import io.transferengine.os.ReservedMemory;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.TransferTask;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * Copies the requests of one claim: makes the lists for the calls, or copies without one, and
 * settles the requests by the result. Reused; for one thread at a time.
 *
 * <p>ADR 39 has the order of what is in a call, and why.
 */
final class Copier {
  /** Ranges of a call. */
  static final int RANGES = 256;

  /** Bytes of a call: within a millisecond a cancel, a deadline or an unregistration is heard. */
  static final long BYTES = 1 << 20;

  /** The gate before the ranges. */
  private static final int EXTRA = 1;

  /** Gates that may close during one claim before the requests go back to the task for a while. */
  private static final int TRIES = 8;

  private static final long WORD = Long.BYTES;

  /** A gate was closed; no negative errno is as low. */
  private static final long CLOSED = Long.MIN_VALUE;

  /** Not where it is used: a text takes memory when that is run for the first time. */
  private static final String GONE = "a copy found its process or its area gone";

  /** What is to be copied. */
  private final Claim claim;

  /** What the peer's area says of the registrations that the requests lie in. */
  private final Entries entries;

  /** The peer's, where it is mapped here. */
  private final @Nullable PoolMap[] pool = new @Nullable PoolMap[RANGES];

  private final IoVectors ours = new IoVectors(RANGES + EXTRA);
  private final IoVectors theirs = new IoVectors(RANGES + EXTRA);

  /** For what nobody reads; a byte for each page whose memory is looked for, or a header. */
  private final MemorySegment scratch = Arena.ofAuto().allocate(RANGES, Long.BYTES);

  private final ProcessMemory memory;
  private final int ownPid;
  private final TransferException mistake;
  private final long pageBytes = ReservedMemory.pageBytes();

  /** Whether the slot may still say that we copy. */
  private boolean marked;

  /** Different from one copy to the next, so that the peer sees that one has ended. */
  private int number = ThreadLocalRandom.current().nextInt();

  /**
   * One that has nothing to do.
   *
   * @param ownPid the number of this process
   * @param mistake the failure of requests for which our own code threw
   */
  Copier(ProcessMemory memory, int ownPid, TransferException mistake) {
    this(new Claim(RANGES), memory, ownPid, mistake);
  }

  /**
   * One for claims that somebody else makes, of at most {@link #RANGES} requests.
   *
   * @param ownPid the number of this process
   * @param mistake the failure of requests for which our own code threw
   */
  Copier(Claim claim, ProcessMemory memory, int ownPid, TransferException mistake) {
    this.claim = claim;
    this.entries = new Entries(claim, RANGES);
    this.memory = memory;
    this.ownPid = ownPid;
    this.mistake = mistake;
  }

  // ---- claiming

  /** {@return how many requests it has taken, to be settled by {@link #copy}} */
  int claim(TransferTask from) {
    return claim.take(from, BYTES);
  }

  // ---- copying

  /**
   * Copies what was claimed, and settles each request of it, whatever happens.
   *
   * @param slot one of ours, which no other thread uses meanwhile
   * @return whether requests were given back, because the peer takes memory back again and again
   */
  boolean copy(TransferTask task, Target target, int slot) {
    long slotAt = target.slotAddress(slot);
    try {
      return copyThrough(task, target, slotAt);
    } catch (Throwable t) {
      if (target.map().isClosed() && claim.count() > claim.first()) {
        // The peer has ended, and a call between the look at that and this end threw.
        try {
          lost(task, target, -Errno.ESRCH.number());
          return false;
        } catch (Throwable noMemory) {
          // For its text, say. What is not settled yet fails without one.
        }
      }
      if (claim.count() > claim.first()) {
        claim.fail(task, claim.count() - 1, mistake, FailureCause.LOCAL);
      }
      throw t;
    } finally {
      if (marked) {
        clear(target, slotAt);
      }
    }
  }

  private boolean copyThrough(TransferTask task, Target target, long slotAt) {
    long copied = copyAlike(task.operation(), target, slotAt);
    if (copied == CLOSED) {
      return copyEach(task, target, slotAt);
    }
    if (copied >= 0) {
      claim.completed(task, claim.count(), copied);
    } else {
      lost(task, target, copied);
    }
    return false;
  }

  /**
   * Copies the requests if one look at what they lie in does for all, and there is nothing to be
   * said against any of them.
   *
   * @return the bytes copied; a negative errno; or {@link #CLOSED}: each is to be looked at
   */
  private long copyAlike(Operation operation, Target target, long slotAt) {
    PeerPools pools = target.pools();
    Gate gate = target.gate();
    Region from = claim.isAlike() ? claim.managed(0) : null;
    Gate.Entry entry = gate == null || from == null ? null : gate.known(claim.fence(0));
    if (gate == null
        || from == null
        || entry == null
        || pools == null
        || !entry.hasTable()
        || entry.hasHandle()
        || !entry.allows(operation)
        || !entry.covers(claim.remoteLow(), claim.remoteBytes())) {
      return CLOSED;
    }
    PoolMap to = pools.of(entry);
    if (to == null) {
      return CLOSED;
    }
    PeerMap map = target.map();
    mark(target, slotAt, gate, true, true);
    long copied = CLOSED;
    if (areHandedOut(map, entry) && map.word(AreaLayout.GATE_AT) == gate.address()) {
      copied = copyAll(operation, from, to);
    }
    if (copied >= 0 && !isThere(map, pools)) {
      copied = -Errno.ESRCH.number();
    }
    clear(target, slotAt);
    return copied;
  }

  /** {@return whether each request is in one block of a pool that is handed out now} */
  private boolean areHandedOut(PeerMap map, Gate.Entry pool) {
    if (map.isHandedOut(pool, claim.remoteLow(), claim.remoteBytes())) {
      return true; // All of them in the same.
    }
    for (int i = 0; i < claim.count(); i++) {
      if (!map.isHandedOut(pool, claim.remote(i), claim.length(i))) {
        return false;
      }
    }
    return true;
  }

  private long copyAll(Operation operation, Region from, PoolMap to) {
    long copied = 0;
    try {
      for (int i = 0; i < claim.count(); i++) {
        to.copy(operation, from, claim.local(i), claim.remote(i), claim.length(i));
        copied += claim.length(i);
      }
    } catch (IllegalStateException unmapped) {
      return CLOSED; // The pool or the peer has ended.
    }
    return copied;
  }

  private boolean copyEach(TransferTask task, Target target, long slotAt) {
    for (int i = 0; i < claim.count(); i++) {
      if (claim.fence(i) == 0) {
        stale(task, target, i);
        return false;
      }
    }
    for (int i = 0; i < TRIES; i++) {
      Gate gate = target.gate();
      if (gate == null || !entries.knowsAll(gate)) {
        // In this order: what is registered after the gate was read stays so behind it.
        gate = target.gateAt(target.map().word(AreaLayout.GATE_AT));
        int gone = entries.firstGone(target.map(), gate);
        if (gone >= 0) {
          stale(task, target, gone);
          return false;
        }
      }
      int refused = entries.firstRefused(task.operation(), false);
      if (refused >= 0) {
        return refuse(task, target, refused);
      }
      boolean plain = areAllMapped(target.pools());
      mark(target, slotAt, gate, plain, entries.haveTables());
      int freed = firstFreed(target.map());
      if (freed >= 0 && target.map().word(AreaLayout.GATE_AT) == gate.address()) {
        clear(target, slotAt);
        return refuse(task, target, freed);
      }
      // Behind a closed gate a table may be another pool's.
      long copied = freed >= 0 ? CLOSED : copyRanges(task.operation(), target, gate, plain);
      clear(target, slotAt);
      if (copied >= 0) {
        settleUpTo(task, target, copied);
        return false;
      }
      if (copied != CLOSED) {
        lost(task, target, copied);
        return false;
      }
      target.gateIsClosed(gate);
      long missing = missing(target, gate);
      if (missing < 0) {
        lost(task, target, missing);
        return false;
      }
      // The peer has taken memory back, perhaps not this.
    }
    claim.giveBackAll(task);
    return true;
  }

  /**
   * {@return a negative errno if a process has no area any more; else 0} Its memory tells, for what
   * we have mapped may be what it has left.
   */
  private long missing(Target target, Gate closed) {
    if (target.map().isThere() && target.map().word(AreaLayout.GATE_AT) != closed.address()) {
      return 0;
    }
    ours.clear();
    theirs.clear();
    ours.add(scratch.address(), AreaLayout.HEADER_BYTES);
    theirs.add(target.area(), AreaLayout.HEADER_BYTES);
    long read = memory.read(target.pid(), ours, theirs);
    if (read != AreaLayout.HEADER_BYTES) {
      return read < 0 ? read : -Errno.EFAULT.number();
    }
    return target.map().isThere() ? 0 : -Errno.EFAULT.number();
  }

  /** Says that we copy, before anything that follows is done. */
  private void mark(Target target, long slotAt, Gate gate, boolean plain, boolean tables) {
    long value = gate.address();
    if (tables) {
      number++;
      value |=
          AreaLayout.BLOCKS | ((long) (number & AreaLayout.COUNT_MASK) << AreaLayout.COUNT_SHIFT);
    }
    marked = true;
    target.map().mark(slotAt, plain ? value | AreaLayout.PLAIN : value);
  }

  /**
   * {@return whether both sides of each request can be copied without a call} On our side that is
   * managed memory. What others have registered may be gone, which a call says, and an access does
   * not.
   */
  private boolean areAllMapped(@Nullable PeerPools pools) {
    if (pools == null) {
      return false;
    }
    for (int i = 0; i < claim.count(); i++) {
      Gate.Entry known = entries.of(i);
      if (claim.managed(i) == null || known == null || !known.hasTable()) {
        return false;
      }
      PoolMap mapped = claim.isNextFence(i) ? pools.of(known) : pool[i - 1];
      if (mapped == null) {
        return false;
      }
      if (pool[i] != mapped) {
        pool[i] = mapped;
      }
    }
    return true;
  }

  /**
   * Copies between our ranges and the peer's, which are mapped. The slot is marked; if the gate is
   * the open one after that, the peer waits for us before it ends one of the pools.
   *
   * @return the bytes copied; {@link #CLOSED}; or a negative errno
   */
  private long copyPlainly(Operation operation, Target target, Gate gate) {
    PeerMap map = target.map();
    if (map.word(AreaLayout.GATE_AT) != gate.address()) {
      return CLOSED;
    }
    long copied = 0;
    for (int i = 0; i < claim.count(); i++) {
      PoolMap to = pool[i];
      Region from = claim.managed(i);
      if (to == null || from == null) {
        throw new IllegalStateException("Not looked at");
      }
      try {
        to.copy(operation, from, claim.local(i), claim.remote(i), claim.length(i));
      } catch (IllegalStateException unmapped) {
        return CLOSED; // The pool or the peer has ended.
      }
      copied += claim.length(i);
    }
    PeerPools pools = target.pools();
    return pools != null && isThere(map, pools) ? copied : -Errno.ESRCH.number();
  }

  /** After the copy: memory of a process that has ended can be written as before. */
  private static boolean isThere(PeerMap map, PeerPools pools) {
    return map.isThere() && !pools.hasEnded();
  }

  /**
   * {@return the first request that is not in one block that is handed out now; -1 for none} The
   * slot has to be marked before: who frees a block then waits, or we find it freed.
   */
  private int firstFreed(PeerMap map) {
    for (int i = 0; i < claim.count(); i++) {
      Gate.Entry known = entries.of(i);
      if (known != null
          && known.hasTable()
          && !map.isHandedOut(known, claim.remote(i), claim.length(i))) {
        return i;
      }
    }
    return -1;
  }

  /**
   * Copies between our ranges and the peer's: plainly, or in one call that goes through the gate
   * first.
   *
   * @return the bytes copied; {@link #CLOSED}; or a negative errno
   */
  private long copyRanges(Operation operation, Target target, Gate gate, boolean plain) {
    return plain ? copyPlainly(operation, target, gate) : call(operation, target, gate);
  }

  private long call(Operation operation, Target target, Gate gate) {
    ours.clear();
    theirs.clear();
    ours.add(scratch.address(), WORD);
    theirs.add(gate.address(), WORD);
    for (int i = 0; i < claim.count(); i++) {
      ours.add(claim.local(i), claim.length(i));
      theirs.add(claim.remote(i), claim.length(i));
    }
    long copied =
        operation == Operation.WRITE
            ? memory.write(target.pid(), ours, theirs)
            : memory.read(target.pid(), ours, theirs);
    if (copied >= WORD) {
      return copied - WORD;
    }
    return copied >= 0 || copied == -Errno.EFAULT.number() ? CLOSED : copied;
  }

  /** Says that we do not copy; again, if that has failed. If there is no area, nobody reads it. */
  private void clear(Target target, long slotAt) {
    try {
      target.map().clear(slotAt);
    } catch (IllegalStateException closed) {
      // As said.
    }
    marked = false;
  }

  // ---- settling

  /** So many bytes were copied, in order; whatever follows was not, or in part. */
  private void settleUpTo(TransferTask task, Target target, long copied) {
    int whole = 0;
    long bytes = 0;
    while (whole < claim.count() && bytes + claim.length(whole) <= copied) {
      bytes += claim.length(whole++);
    }
    if (whole > 0) {
      claim.completed(task, whole, bytes);
    }
    if (whole < claim.count()) {
      boolean isThere = isReadable(claim.local(whole), claim.length(whole));
      TransferException why =
          isThere
              ? LocalFaults.remoteGone(target.name(), claim.remote(whole), claim.length(whole))
              : LocalFaults.localGone(target.name(), claim.local(whole), claim.length(whole));
      claim.fail(task, whole, why, isThere ? FailureCause.REMOTE_REFUSED : FailureCause.LOCAL);
    }
  }

  /** {@return whether each page of a range of ours has memory behind it} */
  private boolean isReadable(long address, long bytes) {
    long at = address;
    while (at < address + bytes) {
      ours.clear();
      theirs.clear();
      while (at < address + bytes && theirs.count() < RANGES) {
        theirs.add(at, 1);
        at = (at / pageBytes + 1) * pageBytes;
      }
      ours.add(scratch.address(), theirs.count());
      if (memory.read(ownPid, ours, theirs) != theirs.count()) {
        return false;
      }
    }
    return true;
  }

  private void stale(TransferTask task, Target target, int index) {
    TransferException why =
        claim.isWithoutEntry(task, index)
            ? LocalFaults.notCopied(target.name(), claim.remote(index))
            : LocalFaults.notRegistered(target.name(), claim.remote(index), claim.length(index));
    claim.fail(task, index, why, FailureCause.STALE_DESCRIPTOR);
  }

  /**
   * The peer's own entry does not allow a request, whatever its descriptor says; as when a peer
   * refuses over the network.
   *
   * @return whether the task goes on with the blocks that it was made of
   */
  private boolean refuse(TransferTask task, Target target, int index) {
    TransferException why =
        LocalFaults.refused(target.name(), claim.remote(index), claim.length(index));
    return claim.rejected(task, index, why);
  }

  /** A call ended before it copied anything; what was settled before stays so. */
  private void lost(TransferTask task, Target target, long result) {
    long errno = -result;
    if (errno != Errno.ESRCH.number()
        && errno != Errno.EFAULT.number()
        && errno != Errno.EPERM.number()) {
      // Such as ENOMEM: the peer may be well.
      TransferException why = LocalFaults.notDone(target.name(), target.pid(), errno);
      claim.fail(task, claim.first(), why, FailureCause.LOCAL);
      return;
    }
    target.markLost(GONE);
    // Nothing was copied, so another process of its name may be asked.
    TransferException why = LocalFaults.lost(target.name(), target.pid(), errno);
    claim.fail(task, claim.first(), why, FailureCause.STALE_DESCRIPTOR);
  }
}
