// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import io.transferengine.logging.SystemError;
import io.transferengine.os.Errno;
import io.transferengine.os.NativeCallException;
import io.transferengine.os.SharedMemory;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Memory of this process outside of the Java heap. Each slab is an arena of its own, or huge pages
 * ({@link SharedMemory}).
 *
 * <p>Only those are a memfd: on most machines other memory of memfds never becomes large pages by
 * itself (shmem_enabled), as an arena's does, and no other process maps managed memory yet.
 */
public final class OffHeapSource implements MemorySource {
  /**
   * Where a slab begins: at a multiple of the largest base page that Linux uses on x86-64 (4 KiB)
   * and aarch64 (4, 16 or 64 KiB).
   */
  static final long ALIGNMENT_BYTES = 64 * 1024;

  /** What the kernel shows such memory as. */
  static final String NAME = "te-pool";

  private static final String LEAVE_UNSET =
      "Leave TE_HUGE_PAGES unset; other pages need nothing of the machine";

  private static final String RESERVE =
      "Reserve as many (/proc/sys/vm/nr_hugepages; /proc/meminfo shows HugePages_Free, and a"
          + " container may have a limit of its own), ask for less, or leave TE_HUGE_PAGES unset";

  private final String location;
  private final boolean hugePages;

  /**
   * Memory of which the system chooses the NUMA node.
   *
   * @param location what peers are told, {@code *} or {@code cpu:N}
   */
  public OffHeapSource(String location) {
    this(location, false);
  }

  /**
   * Memory of which the system chooses the NUMA node.
   *
   * @param location what peers are told, {@code *} or {@code cpu:N}
   * @param hugePages whether it is to be huge pages, and nothing else
   */
  public OffHeapSource(String location, boolean hugePages) {
    this.location = location;
    this.hugePages = hugePages;
  }

  @Override
  public String location() {
    return location;
  }

  @Override
  public Slab take(long bytes) {
    return hugePages ? ofHugePages(bytes) : ofArena(bytes);
  }

  private static Slab ofHugePages(long bytes) {
    SharedMemory shared;
    try {
      shared = SharedMemory.ofHugePages(NAME, bytes);
    } catch (ArithmeticException tooMany) {
      throw noHugePages(bytes, "there are no so large ones", RESERVE, tooMany);
    } catch (NativeCallException refused) {
      String remedy =
          refused.errno() == Errno.ENOMEM.number()
              ? RESERVE
              : SystemError.remedy(refused, LEAVE_UNSET);
      throw noHugePages(bytes, String.valueOf(refused.getMessage()), remedy, refused);
    }
    try {
      return new Taken(shared.memory(), shared::close);
    } catch (Throwable t) {
      shared.close();
      throw t;
    }
  }

  private static TransferException noHugePages(
      long bytes, String why, String remedy, Throwable cause) {
    return new TransferException(
        ErrorCode.MEMORY,
        "The system gives no %d bytes in huge pages: %s".formatted(bytes, why),
        remedy,
        cause);
  }

  private static Slab ofArena(long bytes) {
    Arena arena = Arena.ofShared();
    try {
      return new Taken(arena.allocate(bytes, ALIGNMENT_BYTES), arena::close);
    } catch (Throwable t) {
      arena.close();
      throw t;
    }
  }

  /**
   * Memory that was taken.
   *
   * @param end gives it back; it takes about 100 µs, since every thread of the JVM is asked
   */
  private record Taken(MemorySegment memory, Runnable end) implements Slab {
    @Override
    public long address() {
      return memory.address();
    }

    @Override
    public long bytes() {
      return memory.byteSize();
    }

    @Override
    public MemorySegment part(long offset, long length) {
      return memory.asSlice(offset, length);
    }

    @Override
    public void giveBack() {
      end.run();
    }
  }
}
