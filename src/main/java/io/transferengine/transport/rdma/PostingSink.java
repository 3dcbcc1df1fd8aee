// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.RequestSink;
import io.transferengine.transport.TransferTask;
import io.transferengine.verbs.SendWorkRequestRing;
import org.jspecify.annotations.Nullable;

/**
 * Turns the requests that a task hands out into a chain of work requests. It cuts them where a
 * registration of ours or of the peer ends, and finds their keys. Blocks that join at the peer only
 * go out as one request with several ranges of ours, each with a key of its own (ADR 53). It
 * remembers the last registration of either side, since the blocks of a batch are mostly in the
 * same one. Confined to a worker.
 */
final class PostingSink implements RequestSink<TransferTask> {
  /**
   * One of this many requests of a chain asks for a completion, so that the ring gets room while a
   * long chain is still under way. The last request of a chain always asks for one.
   */
  private static final int SIGNAL_INTERVAL = 16;

  /** For the number of a path: more devices are not told apart. */
  private static final int PEER_DEVICES = 8;

  private final SendWorkRequestRing chain;
  private final int nicIndex;
  private final int readRangesMax;
  private final long sliceBytes;
  private final long requestMaxBytes;

  private Registrations.Snapshot local = Registrations.Snapshot.EMPTY;
  private RemoteBuffers remote;
  private int remoteDevice = -1;
  private SendQueue queue;
  private @Nullable TransferTask sentAtOnce;
  private boolean isWrite;
  private int rangesMax = 1;
  private int count;
  private int unknownLocal;
  private int unknownRemote;
  private long unknownAddress;
  private long unknownBytes;

  private long localStart;
  private long localEnd;
  private int localKey;
  private long remoteStart;
  private long remoteEnd;
  private int remoteKey;

  @SuppressWarnings("NullAway.Init") // aim() and begin() come before anything else
  PostingSink(SendWorkRequestRing chain, RdmaDevice device) {
    this.chain = chain;
    this.nicIndex = device.index();
    this.readRangesMax = device.readRangesMax();
    this.sliceBytes = device.settings().sliceBytes();
    this.requestMaxBytes = device.settings().requestMaxBytes();
  }

  /**
   * Sets our registrations and the peer's ranges for the next chains.
   *
   * @param device the index of the peer's device, for its keys
   */
  @SuppressWarnings("ReferenceEquality") // snapshots: another one, another content
  void aim(Registrations.Snapshot registrations, RemoteBuffers buffers, int device) {
    if (registrations != local) {
      local = registrations;
      localEnd = localStart = 0;
    }
    if (buffers != remote || device != remoteDevice) {
      remote = buffers;
      remoteDevice = device;
      remoteEnd = remoteStart = 0;
    }
  }

  /** Says which task is posted as it is made; null for none. The clock is not read again for it. */
  void sendsAtOnce(@Nullable TransferTask task) {
    sentAtOnce = task;
  }

  @Override
  @SuppressWarnings("ReferenceEquality") // this very task
  public long startNanos(TransferTask task) {
    return task == sentAtOnce ? task.progressNanos() : System.nanoTime();
  }

  /** Starts a chain. */
  void begin(SendQueue onto) {
    queue = onto;
    count = 0;
    unknownLocal = 0;
    unknownRemote = 0;
  }

  @Override
  public int lane() {
    return nicIndex * PEER_DEVICES + Math.floorMod(remoteDevice, PEER_DEVICES);
  }

  /** Comes before anything else of a task. */
  @Override
  public int rangesMax(TransferTask task) {
    int most = Math.max(1, Math.min(chain.elementsMax(), queue.queuePair.maxSge()));
    isWrite = task.operation() == Operation.WRITE;
    rangesMax = isWrite ? most : Math.min(most, readRangesMax);
    return rangesMax;
  }

  @Override
  public long rangeLimit(TransferTask task, long localAddress) {
    // If it is in no registration, the whole request fails.
    return hasLocal(localAddress) ? localEnd - localAddress : Long.MAX_VALUE;
  }

  @Override
  public long lengthLimit(TransferTask task, long localAddress, long remoteAddress, long wanted) {
    if (remoteAddress < remoteStart || remoteAddress >= remoteEnd) {
      findRemote(remoteAddress);
    }
    if (remoteEnd > 0
        && wanted > remoteEnd - remoteAddress
        && !remote.covers(remoteAddress, wanted)) {
      // A block that is not completely in the peer's ranges is refused as a whole, as in C++.
      remoteStart = remoteEnd = 0;
    }
    long limit = wanted <= requestMaxBytes ? requestMaxBytes : sliceBytes;
    if (rangesMax == 1) {
      limit = Math.min(limit, rangeLimit(task, localAddress));
    }
    return remoteEnd > 0 ? Math.min(limit, remoteEnd - remoteAddress) : limit;
  }

  /** {@return whether an address is in a registration of ours} It is the last one then. */
  private boolean hasLocal(long address) {
    if (address >= localStart && address < localEnd) {
      return true;
    }
    int index = local.find(address);
    if (index < 0) {
      localStart = localEnd = 0;
      return false;
    }
    localStart = local.start(index);
    localEnd = local.end(index);
    localKey = local.localKey(index, nicIndex);
    return true;
  }

  private void findRemote(long address) {
    int index = remoteDevice < 0 ? -1 : remote.find(address);
    if (index < 0) {
      remoteStart = remoteEnd = 0;
      return;
    }
    remoteStart = remote.start(index);
    remoteEnd = remote.end(index);
    remoteKey = remote.key(index, remoteDevice);
  }

  @Override
  public void request(
      TransferTask task,
      int firstBlock,
      long localAddress,
      long remoteAddress,
      long length,
      boolean unmerged) {
    if (isKnown(localAddress, length, remoteAddress, length)) {
      set(localAddress, length, remoteAddress);
      add(task, firstBlock, localAddress, remoteAddress, length);
    }
  }

  @Override
  public void scattered(
      TransferTask task, int firstBlock, long localAddress, long remoteAddress, long length) {
    int block = firstBlock;
    long address = localAddress;
    long blockLeft = task.local(block) + task.length(block) - address;
    long left = length;
    while (left > 0) {
      long start = address;
      if (!isKnown(start, Math.min(blockLeft, left), remoteAddress, length)) {
        return;
      }
      do {
        long taken = Math.min(blockLeft, left);
        address += taken;
        left -= taken;
        if (left == 0) {
          break;
        }
        blockLeft = task.length(++block);
      } while (task.local(block) == address && address < localEnd);
      if (start == localAddress) {
        set(start, address - start, remoteAddress);
      } else {
        chain.add(count, start, (int) (address - start), localKey);
      }
      address = task.local(block);
    }
    add(task, firstBlock, localAddress, remoteAddress, length);
  }

  private boolean isKnown(long localAddress, long localBytes, long remoteAddress, long length) {
    if (!hasLocal(localAddress)) {
      unknownLocal++;
      unknownAddress = localAddress;
      unknownBytes = localBytes;
      return false;
    }
    if (remoteEnd == 0) {
      unknownRemote++;
      unknownAddress = remoteAddress;
      unknownBytes = length;
      return false;
    }
    return true;
  }

  private void set(long localAddress, long length, long remoteAddress) {
    chain.set(
        count,
        queue.workRequestId(queue.ring.end()),
        isWrite,
        (count + 1) % SIGNAL_INTERVAL == 0,
        localAddress,
        (int) length,
        localKey,
        remoteAddress,
        remoteKey);
  }

  /** Last, so that a request is in the ring exactly if the task has counted it. */
  private void add(
      TransferTask task, int firstBlock, long localAddress, long remoteAddress, long length) {
    queue.ring.add(task, firstBlock, localAddress, remoteAddress, (int) length);
    count++;
  }

  /** Ends the chain and returns its length. Its last request asks for a completion. */
  int end() {
    if (count > 0) {
      chain.signal(count - 1);
    }
    return count;
  }

  /**
   * {@return how many requests of the chain are in the ring and not posted} The chain is empty
   * afterwards.
   */
  int takeUnposted() {
    int unposted = count;
    count = 0;
    return unposted;
  }

  /**
   * Fails the requests that were in no registration of ours, or in no range that the peer has
   * published.
   */
  void settleUnknown(TransferTask task) {
    if (unknownLocal + unknownRemote == 0) {
      return;
    }
    TransferException why;
    try {
      why =
          unknownLocal > 0
              ? WorkErrors.notRegistered(unknownAddress, unknownBytes)
              : WorkErrors.unknownRemote(remote.descriptor().name(), unknownAddress, unknownBytes);
    } catch (Throwable noMemoryForIt) {
      why = WorkErrors.localFault();
    }
    settleUnknown(task, why);
  }

  /** As above, with a given reason. */
  void settleUnknown(TransferTask task, TransferException why) {
    for (; unknownLocal > 0; unknownLocal--) {
      task.failed(why, FailureCause.LOCAL);
    }
    for (; unknownRemote > 0; unknownRemote--) {
      task.failed(why, FailureCause.STALE_DESCRIPTOR);
    }
  }
}
