// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.device.Device;
import io.transferengine.device.PinnedSlots;
import io.transferengine.events.EngineEvent;
import io.transferengine.logging.Anyway;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.transport.Queues;
import io.transferengine.wire.SegmentDescriptor;
import java.net.InetAddress;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The slots that peers' requests for our device memory pass through, and the connections that wait
 * for one.
 *
 * <p>They are others than those of our own transfers. If they were the same, two engines that write
 * to each other could each have all of theirs in use for what the other has no slot to take in.
 *
 * <p>A slot may be in use for as long as a peer is slow: until its body has arrived, or its answer
 * has left, and a peer that sends or takes something now and then is slow and not dead. So no
 * address may have more slots than it leaves free ({@link StagingShare}): the first gets half of
 * them, the next half of what is left. Slow peers of five addresses together can have all.
 *
 * <p>Thread-safe; nothing blocks.
 */
final class TargetSlots implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(TargetSlots.class);

  /** Not where it is used: a text takes memory when that is run for the first time. */
  private static final String WAKING = "Waking a connection that waits for a slot";

  private final PinnedSlots slots;
  private final EngineMetrics metrics;

  // Guarded by this.
  private final Map<InetAddress, StagingShare> shares = new HashMap<>();
  private final ArrayDeque<Claim> waiting = new ArrayDeque<>();

  /** What one connection has of the slots. */
  static final class Claim {
    private final InetAddress address;
    private final StagingShare share;
    private final Runnable wake;

    // Guarded by the slots.
    private long granted;
    private boolean waits;
    private boolean left;
    private int out;

    private Claim(InetAddress address, StagingShare share, Runnable wake) {
      this.address = address;
      this.share = share;
      this.wake = wake;
    }
  }

  /**
   * Pins all slots.
   *
   * @param device any one
   * @param count how many there are
   */
  TargetSlots(Device device, int count, EngineMetrics metrics) {
    this.slots = new PinnedSlots(device, count);
    this.metrics = metrics;
  }

  /**
   * A connection may need slots.
   *
   * @param wake run by any thread when the connection is to ask for a slot again; should it throw,
   *     the slot waits for the next time that it asks
   */
  synchronized Claim join(InetAddress address, Runnable wake) {
    StagingShare there = shares.get(address);
    StagingShare share = there == null ? StagingShare.ofAddress(0) : there;
    Claim claim = new Claim(address, share, wake);
    if (there == null) {
      shares.put(address, share);
    }
    share.join();
    return claim;
  }

  /** {@return the address of a slot; 0 if there is none: then the claim is woken when there is} */
  long take(Claim claim) {
    synchronized (this) {
      long slot = claim.granted;
      claim.granted = 0;
      if (slot == 0) {
        slot = takeNow(claim);
      }
      if (slot != 0 && claim.waits) {
        // Its grant was lost, as there was no memory for it.
        waiting.remove(claim);
        claim.waits = false;
      }
      if (slot != 0 || claim.waits) {
        return slot;
      }
      Queues.addLast(waiting, claim);
      claim.waits = true;
    }
    metrics.happened(
        EngineEvent.Kind.LIMIT_REACHED,
        Counter.DEVICE_SLOTS_DRY,
        SegmentDescriptor.TCP,
        "",
        Counter.DEVICE_SLOTS_DRY.label());
    return 0;
  }

  /** So many bytes were copied for peers. Any thread. */
  void copied(long bytes, boolean write) {
    metrics.add(
        write ? Counter.INBOUND_DEVICE_BYTES_WRITTEN : Counter.INBOUND_DEVICE_BYTES_READ, bytes);
  }

  private long takeNow(Claim claim) {
    long slot = !claim.left && claim.share.mayTake(slots.free()) ? slots.take() : 0;
    if (slot != 0) {
      claim.share.taken();
      claim.out++;
    }
    return slot;
  }

  /** Gives a slot back that nothing touches any more. Any thread; throws nothing. */
  void giveBack(Claim claim, long slot) {
    synchronized (this) {
      returned(claim, slot);
    }
    wakeNext();
  }

  private void returned(Claim claim, long slot) {
    slots.giveBack(slot);
    claim.share.givenBack();
    claim.out--;
    forgetIfOver(claim);
  }

  /** The connection asks no more. What it has out comes back by itself. Idempotent. */
  void leave(Claim claim) {
    synchronized (this) {
      if (claim.left) {
        return;
      }
      claim.left = true;
      if (claim.waits) {
        claim.waits = false;
        waiting.remove(claim);
      }
      long granted = claim.granted;
      claim.granted = 0;
      if (granted != 0) {
        returned(claim, granted);
      } else {
        forgetIfOver(claim);
      }
    }
    wakeNext();
  }

  /** Slots that are out count for their address, whether the connection is there or not. */
  private void forgetIfOver(Claim claim) {
    if (claim.left && claim.out == 0 && claim.share.leave()) {
      shares.remove(claim.address, claim.share);
    }
  }

  /** Throws nothing: who waits asks again when it is looked at next, which is soon. */
  private void wakeNext() {
    try {
      Claim next;
      while ((next = grant()) != null) {
        wake(next);
      }
    } catch (Throwable t) {
      Anyway.failed(log, WAKING, t);
    }
  }

  private static void wake(Claim next) {
    try {
      next.wake.run();
    } catch (Throwable t) {
      Anyway.failed(log, WAKING, t);
    }
  }

  /** {@return the first that waits and may have a slot, which it has now} */
  private synchronized @Nullable Claim grant() {
    for (Iterator<Claim> each = waiting.iterator(); each.hasNext(); ) {
      Claim claim = each.next();
      long slot = takeNow(claim);
      if (slot != 0) {
        each.remove();
        claim.waits = false;
        claim.granted = slot;
        return claim;
      }
    }
    return null;
  }

  /** {@return how many slots are in use} */
  int taken() {
    return slots.taken();
  }

  /** {@return how many addresses have shares, for tests} */
  synchronized int addresses() {
    return shares.size();
  }

  /** Nothing is under way any more. Idempotent. */
  @Override
  public void close() {
    slots.close();
  }
}
