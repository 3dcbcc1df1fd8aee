// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.device.CopyList;
import io.transferengine.device.Device;
import io.transferengine.device.PairCopier;
import io.transferengine.device.PairList;
import io.transferengine.device.PinnedSlots;
import io.transferengine.device.SharedAllocation;
import io.transferengine.logging.Failures;
import io.transferengine.metrics.FailureCause;
import io.transferengine.os.Errno;
import io.transferengine.os.ProcessMemory;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.TransferTask;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Copies the requests of one claim between memory of our devices and that of a peer's, which is
 * opened here; between memory of devices of one side and host memory of the other, by way of a
 * pinned slot; and those between host memory, where a task has both. Reused; for one thread at a
 * time, which waits for the device.
 *
 * <p>ADR 50 has the order of the steps, and why.
 */
final class DeviceCopier {
  /** What became of a claim. */
  enum Outcome {
    /** Each request is settled. */
    SETTLED,
    /** They went back to the task: the peer takes memory back again and again. */
    LATER,
    /** They went back to the task, which another transport has to go on with: {@link #why}. */
    ELSEWHERE
  }

  /** Gates that may close during one claim before the requests go back to the task for a while. */
  private static final int TRIES = 8;

  /** Why our host memory and a peer's device cannot be copied between. */
  static final String NO_DEVICE =
      "this engine uses no device that could copy between host memory here and memory of a device"
          + " there; it would if some memory of a device were registered or allocated here";

  /** Not where it is used: a text takes memory when that is run for the first time. */
  private static final String GONE = "a copy on a device found its process or its area gone";

  private final Claim claim = new Claim(CopyList.RANGES_LIMIT, Copier.RANGES, Copier.BYTES);
  private final Entries entries = new Entries(claim, CopyList.RANGES_LIMIT);
  private final PairList list = new PairList();
  private final PeerImports.@Nullable Import[] imports =
      new PeerImports.@Nullable Import[CopyList.RANGES_LIMIT];

  /** What is to be released, each as often as it was acquired. */
  private final PeerImports.@Nullable Import[] held =
      new PeerImports.@Nullable Import[CopyList.RANGES_LIMIT];

  private final Map<Device, PairCopier> copiers = new HashMap<>();
  private final Copier host;
  private final SlotBytes slotBytes;
  private final int ownPid;
  private final OurDevices ours;
  private final TransferException mistake;

  /** Whether the slot may still say that we copy. */
  private boolean marked;

  private int acquired;
  private String why = "";

  /** What a device copies to or from the slot. Made anew: the last device may have the last one. */
  private CopyList ranges = new CopyList();

  /** Pinned when it is first needed. */
  private @Nullable DeviceStage staging;

  DeviceCopier(ProcessMemory memory, int ownPid, OurDevices ours, TransferException mistake) {
    this.host = new Copier(claim, memory, ownPid, mistake);
    this.slotBytes = new SlotBytes(claim, memory, ownPid);
    this.ownPid = ownPid;
    this.ours = ours;
    this.mistake = mistake;
  }

  /** {@return how many requests it has taken, to be settled by {@link #copy}} */
  int claim(TransferTask from) {
    return claim.take(from, ours.claimBytes());
  }

  /** {@return why the last claim goes elsewhere, a clause} */
  String why() {
    return why;
  }

  /**
   * Copies what was claimed, and settles each request of it, or gives it back, whatever happens.
   *
   * @param slot one of ours, which no other thread uses meanwhile
   */
  Outcome copy(TransferTask task, Target target, int slot) {
    if (claim.isHostThere()) {
      return copyByProcessor(task, target, slot);
    }
    PeerImports there = target.imports();
    if (there == null) {
      return elsewhere(task, "its process has ended");
    }
    long slotAt = target.slotAddress(slot);
    try {
      for (int i = 0; i < claim.count(); i++) {
        if (claim.fence(i) == 0) {
          return withoutEntry(
              task, target, i, "its memory has no handle by which it can be opened");
        }
      }
      return claim.isHost()
          ? copyOfHost(task, target, slotAt, there)
          : copyThrough(task, target, slotAt, there);
    } catch (Throwable t) {
      if (target.map().isClosed() && claim.count() > claim.first()) {
        // The peer has ended, and a look between that and this end threw.
        return lost(task, target);
      }
      failRest(task);
      throw t;
    } finally {
      releaseAll(there);
      if (marked) {
        clear(target, slotAt);
      }
    }
  }

  private Outcome copyByProcessor(TransferTask task, Target target, int slot) {
    try {
      return claim.isHost() ? copyHost(task, target, slot) : copyStaged(task, target, slot);
    } catch (Throwable t) {
      failRest(task);
      throw t;
    }
  }

  /** What was thrown is a mistake of ours, or there is no memory; takes none. */
  private void failRest(TransferTask task) {
    if (claim.count() > claim.first()) {
      claim.fail(task, claim.count() - 1, mistake, FailureCause.LOCAL);
    }
  }

  private Outcome copyHost(TransferTask task, Target target, int slot) {
    return host.copy(task, target, slot) ? Outcome.LATER : Outcome.SETTLED;
  }

  /** Between a device of ours and host memory of the peer: by way of a pinned slot. */
  private Outcome copyStaged(TransferTask task, Target target, int slot) {
    Device device = ours.device(claim.region(0));
    if (device == null) {
      return elsewhere(task, "memory of this process was not found on its device");
    }
    for (int i = 0; i < claim.count(); i++) {
      if (ours.device(claim.region(i)) != device) {
        return elsewhere(task, "memory of this process was not found on its device");
      }
      if (claim.fence(i) == 0) {
        return withoutEntry(task, target, i, "its memory has no entry by which it can be copied");
      }
    }
    DeviceStage through;
    try {
      through = stage(device);
    } catch (TransferException e) {
      return elsewhere(task, String.valueOf(e.getMessage()));
    }
    boolean read = task.operation() == Operation.READ;
    claim.passThrough(
        through.address(),
        PinnedSlots.SLOT_BYTES,
        read ? requests -> landed(through, device, requests) : null);
    if (!read) {
      try {
        through.fill(device, ours(claim.count()));
      } catch (TransferException e) {
        claim.fail(task, claim.first(), e, FailureCause.LOCAL);
        return Outcome.SETTLED;
      }
    }
    return copyHost(task, target, slot);
  }

  private CopyList ours(int requests) {
    CopyList list = new CopyList();
    for (int i = 0; i < requests; i++) {
      list.add(claim.localOrigin(i), claim.length(i));
    }
    return list;
  }

  /**
   * Sends all elsewhere, since the peer has no entry for the memory of a request; or fails that
   * one, if its range is not wholly inside memory that the peer has told of: it may have, in the
   * meantime.
   */
  private Outcome withoutEntry(TransferTask task, Target target, int index, String reason) {
    if (claim.isWithoutEntry(task, index)) {
      return elsewhere(task, reason);
    }
    return notRegistered(task, target, index);
  }

  private Outcome notRegistered(TransferTask task, Target target, int index) {
    TransferException stale =
        LocalFaults.notRegistered(target.name(), claim.remote(index), claim.length(index));
    claim.fail(task, index, stale, FailureCause.STALE_DESCRIPTOR);
    return Outcome.SETTLED;
  }

  private @Nullable TransferException landed(DeviceStage through, Device device, int requests) {
    try {
      through.empty(device, ours(requests));
      return null;
    } catch (TransferException e) {
      return e;
    }
  }

  private DeviceStage stage(Device device) {
    DeviceStage known = staging;
    if (known == null) {
      known = new DeviceStage(device);
      staging = known;
    }
    return known;
  }

  /** Between host memory of ours and a device of the peer: by way of a pinned slot. */
  private Outcome copyOfHost(TransferTask task, Target target, long slotAt, PeerImports there) {
    Optional<Device> any = ours.helper(0);
    if (any.isEmpty()) {
      return elsewhere(task, NO_DEVICE);
    }
    DeviceStage through;
    try {
      through = stage(any.get());
    } catch (TransferException e) {
      return elsewhere(task, String.valueOf(e.getMessage()));
    }
    // Before the peer has to wait for us.
    if (task.operation() == Operation.WRITE
        && !slotBytes.load(task, target.name(), through.address())) {
      return Outcome.SETTLED;
    }
    return copyThrough(task, target, slotAt, there);
  }

  private Outcome copyThrough(TransferTask task, Target target, long slotAt, PeerImports there) {
    PeerMap map = target.map();
    for (int i = 0; i < TRIES; i++) {
      if (!map.isThere()) {
        return lost(task, target);
      }
      Gate gate = target.gate();
      if (gate == null || !entries.knowsAll(gate)) {
        // In this order: what is registered after the gate was read stays so behind it.
        gate = target.gateAt(map.word(AreaLayout.GATE_AT));
        int gone = entries.firstGone(map, gate);
        if (gone >= 0) {
          return notRegistered(task, target, gone);
        }
      }
      int refused = entries.firstRefused(task.operation(), true);
      if (refused >= 0) {
        TransferException no =
            LocalFaults.refused(target.name(), claim.remote(refused), claim.length(refused));
        // Then it goes on with the blocks that it was made of.
        return claim.rejected(task, refused, no) ? Outcome.LATER : Outcome.SETTLED;
      }
      marked = true;
      map.mark(slotAt, gate.address() | AreaLayout.PLAIN);
      if (map.word(AreaLayout.GATE_AT) == gate.address()) {
        return copyMarked(task, target, slotAt, there, gate);
      }
      clear(target, slotAt);
      target.gateIsClosed(gate);
      // The peer has taken memory back, perhaps not this.
    }
    claim.giveBackAll(task);
    return Outcome.LATER;
  }

  /** The peer waits for us before it ends one of the registrations. */
  private Outcome copyMarked(
      TransferTask task, Target target, long slotAt, PeerImports there, Gate gate) {
    Device device;
    try {
      device = device(target.map());
      if (!target.isWatched()) {
        throw LocalFaults.notOpened("its process cannot be watched");
      }
      openAll(task.operation(), target, there, gate, device);
    } catch (TransferException e) {
      releaseAll(there);
      clear(target, slotAt);
      return elsewhere(task, String.valueOf(e.getMessage()));
    }
    TransferException failure = null;
    try {
      copyOpened(task.operation(), device);
    } catch (TransferException e) {
      failure = e;
    }
    boolean isThere = target.map().isThere() && !target.hasEnded();
    releaseAll(there);
    clear(target, slotAt);
    if (!isThere) {
      return lost(task, target);
    }
    if (failure != null) {
      claim.fail(task, claim.first(), failure, FailureCause.LOCAL);
    } else if (claim.isHost() && task.operation() == Operation.READ) {
      slotBytes.store(task, target.name(), stage(device).address());
    } else {
      claim.completed(task, claim.count(), claim.isHost() ? ranges.bytes() : list.bytes());
    }
    return Outcome.SETTLED;
  }

  /** {@return the device that copies; one of ours} */
  private Device device(PeerMap map) {
    if (!claim.isHost()) {
      Device device = ours.device(claim.region(0));
      if (device == null) {
        throw LocalFaults.notOpened("memory of this process was not found on its device");
      }
      return device;
    }
    Gate.Entry first = entries.of(0);
    int ordinal = first == null ? 0 : map.shared(first).ordinal();
    Optional<Device> helper = ours.helper(ordinal);
    if (helper.isEmpty()) {
      throw LocalFaults.notOpened(NO_DEVICE);
    }
    return helper.get();
  }

  private void copyOpened(Operation operation, Device device) {
    if (!claim.isHost()) {
      copier(device).copy(list);
    } else if (operation == Operation.WRITE) {
      stage(device).empty(device, ranges);
    } else {
      stage(device).fill(device, ranges);
    }
  }

  private void openAll(
      Operation operation, Target target, PeerImports there, Gate gate, Device device) {
    list.clear();
    boolean isHost = claim.isHost();
    if (isHost) {
      ranges = new CopyList();
    }
    boolean write = operation == Operation.WRITE;
    long word = target.importsAddress();
    for (int i = 0; i < claim.count(); i++) {
      Gate.Entry entry = entries.of(i);
      if (entry == null || (!isHost && ours.device(claim.region(i)) != device)) {
        throw LocalFaults.notOpened("memory of this process was not found on its device");
      }
      PeerImports.Import open = i == 0 ? null : imports[i - 1];
      if (open == null || claim.isNextFence(i)) {
        SharedAllocation shared = target.map().shared(entry);
        boolean isOwn = device.isOwn(shared);
        if (!shared.covers(entry.address(), entry.length()) || (isOwn && target.pid() != ownPid)) {
          throw LocalFaults.notOpened("its area contradicts itself");
        }
        open = there.acquire(device, shared, claim.fence(i), word, gate);
        held[acquired++] = open;
      }
      imports[i] = open;
      long remote = open.here(claim.remote(i));
      if (isHost) {
        ranges.add(remote, claim.length(i));
      } else {
        list.add(write ? claim.local(i) : remote, write ? remote : claim.local(i), claim.length(i));
      }
    }
  }

  private void releaseAll(PeerImports there) {
    while (acquired > 0) {
      PeerImports.Import last = held[--acquired];
      held[acquired] = null;
      if (last != null) {
        there.release(last);
      }
    }
  }

  private PairCopier copier(Device device) {
    PairCopier known = copiers.get(device);
    if (known == null) {
      known = device.pairCopier();
      try {
        copiers.put(device, known);
      } catch (Throwable t) {
        known.close();
        throw t;
      }
    }
    return known;
  }

  private Outcome elsewhere(TransferTask task, String reason) {
    why = reason;
    claim.giveBackAll(task);
    return Outcome.ELSEWHERE;
  }

  /** Something may have been copied, to memory that is nobody's. */
  private Outcome lost(TransferTask task, Target target) {
    target.markLost(GONE);
    TransferException gone = LocalFaults.lost(target.name(), target.pid(), Errno.ESRCH.number());
    claim.fail(task, claim.first(), gone, FailureCause.STALE_DESCRIPTOR);
    return Outcome.SETTLED;
  }

  /** Says that we do not copy. If there is no area, nobody reads it. */
  private void clear(Target target, long slotAt) {
    try {
      target.map().clear(slotAt);
    } catch (IllegalStateException closed) {
      // As said.
    }
    marked = false;
  }

  /** Gives streams back; it is not used any more. */
  void close() {
    Failures failures = new Failures();
    copiers.values().forEach(each -> failures.attempt(each::close));
    copiers.clear();
    DeviceStage pinned = staging;
    if (pinned != null) {
      staging = null;
      failures.attempt(pinned::close);
    }
    failures.throwIfAny();
  }
}
