// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.transferengine.memory.MemoryKind;
import io.transferengine.net.Event;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Copies between arrays and the memory of devices, piece by piece through a few pinned slots, which
 * are pinned when they are first needed.
 *
 * <p>Thread-safe. The calls wait for a slot and for their copies; an interrupt is kept for
 * afterwards.
 */
public final class DeviceBytes implements AutoCloseable {
  /** More calls at a time wait for each other. */
  static final int SLOTS = 2;

  /** A piece takes some 40 µs; a device that needs so long does not work any more. */
  private static final long PIECE_SECONDS = 60;

  private final Devices devices;
  private final long pieceNanos;

  // Guarded by this.
  private @Nullable PinnedSlots slots;
  private boolean closed;

  /** Nothing is pinned yet. */
  public DeviceBytes(Devices devices) {
    this(devices, TimeUnit.SECONDS.toNanos(PIECE_SECONDS));
  }

  DeviceBytes(Devices devices, long pieceNanos) {
    this.devices = devices;
    this.pieceNanos = pieceNanos;
  }

  /** A call on its way: a slot, and the copy that uses it. */
  private final class Passage implements CopyCompletion {
    private final Device device;
    private final PinnedSlots from;
    private final long slot;
    private final Runnable release;

    // Guarded by this.
    private Event over = new Event();
    private @Nullable TransferException failure;
    private boolean copying;
    private boolean left;

    Passage(Device device, PinnedSlots from, long slot, Runnable release) {
      this.device = device;
      this.from = from;
      this.slot = slot;
      this.release = release;
    }

    void copy(long address, int length, boolean out) {
      CopyList list = new CopyList();
      list.add(address, length);
      Event end = new Event();
      synchronized (this) {
        over = end;
        copying = true;
      }
      try {
        if (out) {
          device.copyOut(list, slot, this);
        } else {
          device.copyIn(list, slot, this);
        }
      } catch (Throwable t) {
        synchronized (this) {
          copying = false;
        }
        throw t;
      }
      if (!end.awaitUninterruptibly(pieceNanos)) {
        throw new TransferException(
            ErrorCode.TIMEOUT,
            "A copy of %d bytes at 0x%x of %s does not end".formatted(length, address, device),
            "Look at the device (nvidia-smi, dmesg); host memory still works");
      }
      TransferException why;
      synchronized (this) {
        why = failure;
      }
      if (why != null) {
        throw why;
      }
    }

    @Override
    public void copied(@Nullable TransferException why) {
      boolean nobodyWaits;
      Event end;
      synchronized (this) {
        copying = false;
        failure = why;
        nobodyWaits = left;
        end = over;
      }
      end.happen();
      if (nobodyWaits) {
        release();
      }
    }

    private void release() {
      try {
        giveBack(from, slot);
      } finally {
        release.run();
      }
    }

    /** The slot goes back once nothing uses it, and the memory's use ends. */
    void end() {
      synchronized (this) {
        left = copying;
        if (left) {
          return;
        }
      }
      release();
    }
  }

  /**
   * Writes the first bytes of an array to a device.
   *
   * @param kind which device's memory it is
   * @param address memory that cannot be taken back meanwhile
   * @param release run once, when nothing of this touches the memory any more; that may be after
   *     this has thrown
   * @throws TransferException if the device cannot be used; then some of the bytes may be written
   */
  public void copyIn(byte[] source, MemoryKind kind, long address, int length, Runnable release) {
    Passage passage = passage(kind, release);
    try {
      MemorySegment memory = passage.from.memory(passage.slot);
      // As a long: behind the last piece it may be above the largest int.
      for (long done = 0; done < length; done += PinnedSlots.SLOT_BYTES) {
        int piece = (int) Math.min(PinnedSlots.SLOT_BYTES, length - done);
        MemorySegment.copy(source, (int) done, memory, JAVA_BYTE, 0, piece);
        passage.copy(address + done, piece, false);
      }
    } finally {
      passage.end();
    }
  }

  /** Reads a device's memory into the first bytes of an array; as {@link #copyIn}. */
  public void copyOut(
      MemoryKind kind, long address, byte[] destination, int length, Runnable release) {
    Passage passage = passage(kind, release);
    try {
      MemorySegment memory = passage.from.memory(passage.slot);
      for (long done = 0; done < length; done += PinnedSlots.SLOT_BYTES) {
        int piece = (int) Math.min(PinnedSlots.SLOT_BYTES, length - done);
        passage.copy(address + done, piece, true);
        MemorySegment.copy(memory, JAVA_BYTE, 0, destination, (int) done, piece);
      }
    } finally {
      passage.end();
    }
  }

  private Passage passage(MemoryKind kind, Runnable release) {
    try {
      return passage(devices.of(kind), release);
    } catch (Throwable t) {
      release.run();
      throw t;
    }
  }

  private Passage passage(Device device, Runnable release) {
    PinnedSlots from;
    long slot = 0;
    boolean interrupted = false;
    synchronized (this) {
      while (true) {
        if (closed) {
          throw DeviceErrors.closed();
        }
        if (slots == null) {
          slots = new PinnedSlots(device, SLOTS);
        }
        from = slots;
        slot = from.take();
        if (slot != 0) {
          break;
        }
        try {
          wait();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    try {
      return new Passage(device, from, slot, release);
    } catch (Throwable t) {
      giveBack(from, slot);
      throw t;
    }
  }

  private synchronized void giveBack(PinnedSlots to, long slot) {
    to.giveBack(slot);
    notifyAll();
  }

  /** {@return how many slots are in use} */
  synchronized int taken() {
    return slots == null ? 0 : slots.taken();
  }

  /** Unpins the slots; no copy is under way. Idempotent. */
  @Override
  public void close() {
    PinnedSlots there;
    synchronized (this) {
      closed = true;
      there = slots;
      notifyAll();
    }
    if (there != null) {
      there.close();
    }
  }
}
