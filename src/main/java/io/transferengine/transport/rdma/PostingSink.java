// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.transfer.Operation;
import io.transferengine.transport.RequestSink;
import io.transferengine.transport.TransferTask;
import io.transferengine.verbs.SendWorkRequestRing;

/**
 * Turns the requests that a task hands out into a chain of work requests: cuts them where a
 * registration of ours or of the peer ends, and finds their keys. The last registration of either
 * side is remembered, since the blocks of a batch tend to stay in one. Confined to a worker.
 */
final class PostingSink implements RequestSink {
  /**
   * Every so many requests of a chain one asks for a completion, so that the ring frees up while a
   * long chain is still under way; the last of a chain always does.
   */
  private static final int SIGNAL_INTERVAL = 16;

  private final SendWorkRequestRing chain;
  private final int nicIndex;
  private final long sliceBytes;
  private final long requestMaxBytes;

  private Registrations.Snapshot local = Registrations.Snapshot.EMPTY;
  private RemoteBuffers remote;
  private int remoteDevice = -1;
  private SendQueue queue;
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

  // What the last request of the chain was set to, to be set once more with a signal.
  private boolean lastWrite;
  private int lastLocalKey;
  private int lastRemoteKey;

  @SuppressWarnings("NullAway.Init") // begin() sets the queue and the peer before anything else
  PostingSink(SendWorkRequestRing chain, int nicIndex, RdmaSettings settings) {
    this.chain = chain;
    this.nicIndex = nicIndex;
    this.sliceBytes = settings.sliceBytes();
    this.requestMaxBytes = settings.requestMaxBytes();
  }

  /** Starts a chain. */
  @SuppressWarnings("ReferenceEquality") // snapshots: another one, another content
  void begin(
      SendQueue onto, Registrations.Snapshot registrations, RemoteBuffers buffers, int device) {
    queue = onto;
    count = 0;
    unknownLocal = 0;
    unknownRemote = 0;
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

  @Override
  public long lengthLimit(long localAddress, long remoteAddress, long wanted) {
    if (localAddress < localStart || localAddress >= localEnd) {
      findLocal(localAddress);
    }
    if (remoteAddress < remoteStart || remoteAddress >= remoteEnd) {
      findRemote(remoteAddress);
    }
    if (remoteEnd > 0
        && wanted > remoteEnd - remoteAddress
        && !remote.covers(remoteAddress, wanted)) {
      // A block that leaves what the peer has published is refused whole, as in C++.
      remoteStart = remoteEnd = 0;
    }
    long limit = wanted <= requestMaxBytes ? requestMaxBytes : sliceBytes;
    if (localEnd > 0) {
      limit = Math.min(limit, localEnd - localAddress);
    }
    return remoteEnd > 0 ? Math.min(limit, remoteEnd - remoteAddress) : limit;
  }

  private void findLocal(long address) {
    int index = local.find(address);
    if (index < 0) {
      localStart = localEnd = 0;
      return;
    }
    localStart = local.start(index);
    localEnd = local.end(index);
    localKey = local.localKey(index, nicIndex);
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
    if (localEnd == 0) {
      unknownLocal++;
      unknownAddress = localAddress;
      unknownBytes = length;
      return;
    }
    if (remoteEnd == 0) {
      unknownRemote++;
      unknownAddress = remoteAddress;
      unknownBytes = length;
      return;
    }
    long position = queue.ring.end();
    queue.ring.add(task, firstBlock, localAddress, remoteAddress, (int) length, unmerged);
    lastWrite = task.operation() == Operation.WRITE;
    lastLocalKey = localKey;
    lastRemoteKey = remoteKey;
    set(count, position, (count + 1) % SIGNAL_INTERVAL == 0);
    count++;
  }

  private void set(int index, long position, boolean signalled) {
    PostedRing ring = queue.ring;
    chain.set(
        index,
        queue.workRequestId(position),
        lastWrite,
        signalled,
        ring.local(position),
        ring.length(position),
        lastLocalKey,
        ring.remote(position),
        lastRemoteKey);
  }

  /** Ends the chain: its last request asks for a completion. */
  int end() {
    if (count > 0) {
      set(count - 1, queue.ring.end() - 1, true);
    }
    return count;
  }

  /** {@return how many requests lay in no registration of ours} */
  int unknownLocal() {
    return unknownLocal;
  }

  /** {@return how many lay in nothing that the peer has published} */
  int unknownRemote() {
    return unknownRemote;
  }

  /** {@return where the last of those began} */
  long unknownAddress() {
    return unknownAddress;
  }

  /** {@return the length of the last of those} */
  long unknownBytes() {
    return unknownBytes;
  }
}
