// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.logging.Anyway;
import io.transferengine.logging.WarnLimiter;
import io.transferengine.transport.Queues;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The buffers of one event loop: {@link MemoryWindow}s to look through, and {@link StagingBlock}s
 * of native memory that small blocks and headers pass through.
 *
 * <p>Both are used last-in first-out, so that a loop that serves many connections keeps touching
 * the same, cache-hot block. The memory of the blocks is the loop's share of {@code
 * TE_STAGING_BYTES}: there from the start, never more, so that no peer's doing makes the JVM
 * allocate. Some blocks are kept for our own lanes, whatever peers do, and no address gets all of
 * the others ({@link StagingShare}). One more is for reads alone: a read whose bytes are used up
 * before the next one needs no block of its own.
 *
 * <p>Where the kernel reads later, connections have a little of their own besides: {@link
 * ReadReserve}.
 *
 * <p>Confined to its event loop.
 */
final class WindowPool implements MemoryWindow.Pool, StagingBlock.Pool {
  /** Hears of needs that were not met. */
  interface Listener {
    /**
     * A block was asked for, and none was to be had.
     *
     * @param ofAddress whether there was one for another address
     */
    void stagingDry(boolean ofAddress);
  }

  /** Fewer blocks would leave one of the shares without any. */
  static final int BLOCKS_MIN = 8;

  private static final int LANES_KEEP_ONE_IN = 4;

  /** More than the headers and tables of one claim. */
  private static final int FRAMES_BYTES = 8 << 10;

  /** For the constant frames, which are shorter: a line of the cache. */
  private static final int CONSTANT_BYTES = 64;

  /** Idle windows kept; more than one gathering write (IOV_MAX is 1024) can carry. */
  private static final int IDLE_WINDOWS_LIMIT = 2048;

  /** Of the block for reads, which nobody gives back. */
  private static final StagingBlock.Pool NO_POOL = new NoPool();

  private static final class NoPool implements StagingBlock.Pool {
    @Override
    public void giveBack(StagingBlock unused) {}
  }

  private static final Logger log = LoggerFactory.getLogger(WindowPool.class);

  private final ArrayDeque<MemoryWindow> windows = new ArrayDeque<>();
  private final ArrayDeque<StagingBlock> blocks;
  private final ArrayDeque<Runnable> waiting = new ArrayDeque<>();
  private final StagingShare lanes = StagingShare.ofLanes();
  private final Map<InetAddress, StagingShare> addresses = new HashMap<>();
  private final StagingBlock readBlock;
  private final long okFrame;
  private final long rejectedFrame;
  private final long anotherFrame;
  private final int keptForLanes;
  private final int blockBytes;
  private final int blockCount;
  private final ReadReserve reserve;
  private final Listener listener;
  private final TlsBudget encrypted;
  private final WarnLimiter faults = new WarnLimiter(log);

  private Checksum.@Nullable Scratch scratch;

  /** What may still be copied aside. */
  private long asideBytesLeft;

  /**
   * @param memory what the blocks are made of
   * @param blockBytes the size of each, but for the one that the constant frames are in
   * @param reserve what connections have of their own
   * @param listener told when a block is asked for and none is to be had
   * @param encrypted what TLS may encrypt ahead
   */
  WindowPool(
      MemorySegment memory,
      int blockBytes,
      ReadReserve reserve,
      Listener listener,
      TlsBudget encrypted) {
    this.encrypted = encrypted;
    this.reserve = reserve;
    this.listener = listener;
    this.blockBytes = blockBytes;
    asideBytesLeft = memory.byteSize();
    int count = (int) (memory.byteSize() / blockBytes);
    long address = memory.address();
    // Behind the block for reads, which so begins where pages do: the kernel copies to there.
    okFrame = address + blockBytes - CONSTANT_BYTES;
    rejectedFrame = okFrame + Frames.STATUS_BYTES;
    Frames.writeStatus(okFrame, Frames.STATUS_OK);
    Frames.writeStatus(rejectedFrame, Frames.STATUS_REJECTED);
    anotherFrame = rejectedFrame + Frames.STATUS_BYTES;
    readBlock = new StagingBlock(NO_POOL, address, blockBytes - CONSTANT_BYTES);
    blocks = new ArrayDeque<>(count);
    for (int i = 1; i < count; i++) {
      blocks.addLast(new StagingBlock(this, address + (long) i * blockBytes, blockBytes));
    }
    blockCount = blocks.size();
    keptForLanes = blockCount / LANES_KEEP_ONE_IN;
  }

  /** {@return a window on {@code length} bytes at {@code address}} */
  MemoryWindow window(long address, int length, int readable, MemoryWindow.@Nullable Owner owner) {
    MemoryWindow window = windows.pollLast();
    return (window == null ? new MemoryWindow(this) : window).aim(address, length, readable, owner);
  }

  @Override
  public void giveBack(MemoryWindow window) {
    if (windows.size() < IDLE_WINDOWS_LIMIT) {
      windows.addLast(window);
    }
  }

  /** {@return the share of our own transfers} */
  StagingShare lanes() {
    return lanes;
  }

  /** {@return the share of an address, of which a new connection has a part until it leaves} */
  StagingShare join(InetAddress address) {
    StagingShare share =
        addresses.computeIfAbsent(address, _ -> StagingShare.ofAddress(keptForLanes));
    share.join();
    return share;
  }

  /** A connection that has joined has no part in its address's share any more. */
  void leave(InetAddress address, StagingShare share) {
    if (share.leave()) {
      addresses.remove(address, share);
    }
  }

  /** {@return how many addresses have shares, for tests} */
  int addresses() {
    return addresses.size();
  }

  /** {@return how much of the blocks is in use, but for the one for reads alone} */
  long bytesInUse() {
    return (long) (blockCount - blocks.size()) * blockBytes;
  }

  /** {@return whether there is a block for that share now} */
  boolean hasBlock(StagingShare share) {
    return share.mayTake(blocks.size());
  }

  /**
   * {@return how many of {@code wanted} bytes of requests a lane may lay into the stream now, each
   * small body wholly in one block, without ever missing one; 0 when it has to wait} Half of what
   * there is: lanes whose sockets are full must not keep all of it from the others.
   */
  long laneBytes(long wanted) {
    int free = blocks.size();
    if (free < 2) {
      return 0;
    }
    long fit = (long) (free / 2) * (blockBytes - StagingBlock.DIRECT_BYTES_MIN);
    return Math.min(wanted, fit - FRAMES_BYTES);
  }

  /** {@return an empty block with one use, the caller's; null when the share is used up} */
  @Nullable StagingBlock block(StagingShare share) {
    if (!hasBlock(share)) {
      listener.stagingDry(share.leavesSome(blocks.size()));
      return null;
    }
    return blocks.removeLast().takeFor(share);
  }

  /**
   * {@return the block for a read whose bytes are used up when they are handed on, with one use;
   * null while a kernel that reads later has it}
   */
  @Nullable StagingBlock readBlock() {
    return readBlock.uses() > 0 ? null : readBlock.take();
  }

  /** {@return where faults of this process are told that end connections; peers may repeat them} */
  WarnLimiter faults() {
    return faults;
  }

  /** {@return what TLS connections may have encrypted ahead} */
  TlsBudget encrypted() {
    return encrypted;
  }

  /** {@return what connections have of their own for reads} */
  ReadReserve reserve() {
    return reserve;
  }

  @Override
  public void giveBack(StagingBlock block) {
    blocks.addLast(block);
    Runnable next;
    while ((next = waiting.pollFirst()) != null) {
      // Whoever gave the block back has nothing to do with it, nor have those behind it.
      Anyway.run(log, "What waited for staging", next);
    }
  }

  /**
   * Runs {@code action} when a block has come back, in the order of the calls. There may be none
   * left by then. It must do no more than have something done on the event loop, and end what it
   * belongs to should that throw: here it is only logged.
   */
  void whenFree(Runnable action) {
    Queues.addLast(waiting, action);
  }

  /**
   * {@return whether so many bytes may be copied aside} They are memory of their own, but no more
   * than the blocks have: however many peers stand still while their transfers are canceled.
   */
  boolean takeAside(long bytes) {
    boolean there = bytes <= asideBytesLeft;
    if (there) {
      asideBytesLeft -= bytes;
    }
    return there;
  }

  void giveBackAside(long bytes) {
    asideBytesLeft += bytes;
  }

  /** {@return a new checksum for one direction of a connection} */
  Checksum checksum() {
    Checksum.Scratch there = scratch;
    if (there == null) {
      there = new Checksum.Scratch();
      scratch = there;
    }
    return new Checksum(there);
  }

  /** {@return the address of a status frame that never changes} */
  long statusFrame(boolean ok) {
    return ok ? okFrame : rejectedFrame;
  }

  /** {@return where the answer of another engine belongs, which is the same for all who ask} */
  long anotherFrame() {
    return anotherFrame;
  }
}
