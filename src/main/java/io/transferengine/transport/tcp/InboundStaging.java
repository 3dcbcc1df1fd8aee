// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.util.concurrent.EventExecutor;
import io.transferengine.device.Device;
import io.transferengine.memory.Region;

/**
 * What one connection of a peer has to do with device memory: its claim on slots, and the step by
 * which it goes on with a {@link StagedRequest}. Made with the connection's first such request.
 * Confined to its event loop, but for what {@link StagedRequest.Source} says.
 */
final class InboundStaging implements StagedRequest.Source, RequestReader.Stager {
  private final DeviceStaging staging;
  private final Admission admission;
  private final Refusals refusals;
  private final Answers answers;
  private final InboundCounts counts;
  private final VersionOneMember order;
  private final TargetSlots slots;
  private final TargetSlots.Claim claim;
  private final EventExecutor loop;
  private final Runnable resumes;
  private final Runnable rechecks;

  /**
   * @param resumes what the connection does on its event loop to go on
   */
  InboundStaging(
      DeviceStaging staging,
      Admission admission,
      Refusals refusals,
      Answers answers,
      InboundCounts counts,
      VersionOneMember order,
      EventExecutor loop,
      Runnable resumes) {
    this.staging = staging;
    this.admission = admission;
    this.refusals = refusals;
    this.answers = answers;
    this.counts = counts;
    this.order = order;
    this.loop = loop;
    this.resumes = resumes;
    this.rechecks = new Rechecks(order);
    this.slots = staging.targetSlots();
    // Last: there is something to give back from here on.
    this.claim = slots.join(admission.peer().address(), new Wakes(this));
  }

  private static final class Rechecks implements Runnable {
    private final VersionOneMember order;

    Rechecks(VersionOneMember order) {
      this.order = order;
    }

    @Override
    public void run() {
      order.recheck();
    }
  }

  private static final class Wakes implements Runnable {
    private final InboundStaging of;

    Wakes(InboundStaging of) {
      this.of = of;
    }

    @Override
    public void run() {
      of.wake();
    }
  }

  /**
   * {@return a plain request}
   *
   * @param region with a use that is the request's from now on
   */
  StagedRequest plain(Region region, long address, long size, boolean write, boolean version2) {
    return new StagedRequest(this, region, address, size, write, version2);
  }

  @Override
  public long take() {
    return slots.take(claim);
  }

  @Override
  public void giveBack(long slot) {
    slots.giveBack(claim, slot);
  }

  @Override
  public void copied(long bytes, boolean write) {
    slots.copied(bytes, write);
  }

  @Override
  public Device device(Region region) {
    return staging.device(region);
  }

  @Override
  public void wake() {
    // Where the loop takes it no more, the connection is closed.
    var _ = LoopTasks.execute(loop, resumes);
  }

  /**
   * Goes on with a request: with a write all of whose bytes have arrived, or one that has failed,
   * or with a read. At its end it gives back what it has.
   *
   * @return whether it is over, or was refused
   */
  @Override
  public boolean advance(StagedRequest request) {
    if (request.failure() == null) {
      boolean done = request.isWrite() ? !request.isCopying() : answer(request);
      if (!done) {
        return false;
      }
    }
    Throwable why = request.failure();
    request.end();
    if (why != null) {
      refusals.copyFailed(request, why);
    }
    if (request.isWrite() && !request.isVersion2()) {
      // Not from here: for those that ask it is not over yet. It needs no order any more if the
      // loop ends.
      var _ = LoopTasks.execute(loop, rechecks);
    }
    return true;
  }

  /** {@return whether all of a read is in the stream, or it has failed} */
  private boolean answer(StagedRequest read) {
    while (true) {
      if (read.isCopying()) {
        return false;
      }
      if (read.failure() != null) {
        return true;
      }
      StagedRequest.Piece piece = read.copiedPiece();
      if (piece != null && !answers.hasRoom()) {
        return false;
      }
      if (piece != null) {
        boolean status = read.isVersion2() && !read.hasAnswered();
        boolean isCopied = answers.read(piece, piece.address(), piece.bytes(), status);
        read.sent();
        counts.read(piece.bytes());
        if (isCopied) {
          piece.release();
        }
      }
      if (read.isAllBegun()) {
        return true;
      }
      if (!read.beginNext()) {
        return false;
      }
    }
  }

  @Override
  public boolean join(StagedRequest request, long size, long address, int opcode) {
    int wanted = Frames.OPCODE_WRITE | (request.isVersion2() ? Frames.VERSION_2_BIT : 0);
    if (opcode != wanted || refusals.isExpired() || !order.mayBegin(size, address, opcode)) {
      return false;
    }
    Region region = admission.acquire(address, size, true);
    if (region == null) {
      // It is refused when its turn comes.
      return false;
    }
    boolean joined = false;
    try {
      if (request.isFor(region)) {
        request.join(region, address, size);
        joined = true;
      }
    } finally {
      if (!joined) {
        region.release();
      }
    }
    if (joined) {
      counts.request();
    }
    return joined;
  }

  /** The connection is over. Idempotent. */
  void end() {
    slots.leave(claim);
  }
}
