// SPDX-License-Identifier: Apache-2.0
package io.transferengine.diagnostics;

import io.transferengine.device.CopyCompletion;
import io.transferengine.device.CopyList;
import io.transferengine.device.Device;
import io.transferengine.device.Devices;
import io.transferengine.logging.Failures;
import io.transferengine.memory.MemoryKind;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * Memory of a GPU, and a view of it in host memory, which the processor can touch: what measures
 * transfers fills such memory and looks at what has arrived. It is zero at first.
 *
 * <p>Not thread-safe.
 */
public final class GpuMemory implements AutoCloseable {
  /** Most of what the view can hold at once: large enough for the link, small enough to pin. */
  public static final int VIEW_BYTES = 8 << 20;

  private static final long ALIGNMENT_BYTES = 4096;

  private final Devices devices;
  private final Arena arena = Arena.ofShared();
  private final Device device;
  private final MemorySegment view;
  private final long bytes;
  private long address;
  private boolean pinned;
  private boolean closed;
  private CopyList listed = new CopyList();

  /**
   * New memory.
   *
   * @param devices closed with it
   */
  GpuMemory(Devices devices, int ordinal, long bytes) {
    this.devices = devices;
    this.bytes = bytes;
    try {
      device = devices.of(MemoryKind.at("cuda:" + ordinal));
      view = arena.allocate(VIEW_BYTES, ALIGNMENT_BYTES);
      device.pin(view.address(), VIEW_BYTES);
      pinned = true;
      address = device.allocate(bytes);
      for (long at = 0; at < bytes; at += VIEW_BYTES) {
        add(at, Math.min(VIEW_BYTES, bytes - at));
        store();
      }
    } catch (Throwable t) {
      try {
        close();
      } catch (Throwable later) {
        t.addSuppressed(later);
      }
      throw t;
    }
  }

  /**
   * {@return new memory of a GPU}
   *
   * @param ordinal as in {@code cuda:N}
   * @param bytes above 0
   * @throws TransferException if there is no such GPU, or not enough memory
   */
  public static GpuMemory allocate(int ordinal, long bytes) {
    if (ordinal < 0 || bytes < 1) {
      throw new IllegalArgumentException("cuda:" + ordinal + ", " + bytes + " bytes");
    }
    return new GpuMemory(new Devices(), ordinal, bytes);
  }

  /** {@return its address on the device} */
  public long address() {
    return address;
  }

  /**
   * {@return whether the view has room for one more range}
   *
   * @param length of it, in bytes
   */
  public boolean hasRoom(long length) {
    return length <= VIEW_BYTES - listed.bytes() && listed.hasRoom(length);
  }

  /**
   * Adds a range to those that the view shows, behind the others.
   *
   * @param offset in this memory
   * @param length for which it has room
   * @return its place in the view
   */
  public MemorySegment add(long offset, long length) {
    Objects.checkFromIndexSize(offset, length, bytes);
    if (!hasRoom(length)) {
      throw new IllegalArgumentException("No room for " + length + " bytes");
    }
    long at = listed.bytes();
    listed.add(address + offset, length);
    return view.asSlice(at, length);
  }

  /** {@return all ranges that were added, one behind the other, as they are in the memory} */
  public MemorySegment load() {
    MemorySegment shown = view.asSlice(0, listed.bytes());
    copy(true);
    return shown;
  }

  /** Makes the ranges that were added what the view holds, and begins a new list. */
  public void store() {
    copy(false);
    clear();
  }

  /** Begins a new list of ranges. */
  public void clear() {
    listed = new CopyList();
  }

  private void copy(boolean out) {
    if (listed.count() == 0) {
      return;
    }
    CompletableFuture<Void> over = new CompletableFuture<>();
    CopyCompletion told =
        failure -> {
          if (failure == null) {
            over.complete(null);
          } else {
            over.completeExceptionally(failure);
          }
        };
    if (out) {
      device.copyOut(listed, view.address(), told);
    } else {
      device.copyIn(listed, view.address(), told);
    }
    try {
      over.join();
    } catch (CompletionException e) {
      throw e.getCause() instanceof TransferException known ? known : e;
    }
  }

  /** Frees it; its registration has ended. Idempotent. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    Failures failures = new Failures();
    if (address != 0) {
      failures.attempt(() -> device.free(address));
    }
    failures.attempt(this::unpin);
    failures.attempt(devices::close);
    failures.throwIfAny();
  }

  /** What cannot be unpinned must stay mapped. */
  private void unpin() {
    if (pinned) {
      device.unpin(view.address());
    }
    arena.close();
  }
}
