// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import io.transferengine.logging.SystemError;
import io.transferengine.os.Errno;
import io.transferengine.os.NativeCallException;
import io.transferengine.os.Platform;
import io.transferengine.os.SharedMemory;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.BooleanSupplier;

/**
 * Memory of this process outside of the Java heap. Each slab is an arena of its own, or a memfd
 * that other processes may map ({@link SharedMemory}): huge pages are, and what peers on this
 * machine may copy. Else it is an arena: on most machines memory of memfds never becomes large
 * pages by itself (shmem_enabled), as an arena's may.
 */
public final class OffHeapSource implements MemorySource {
  /**
   * Where a slab begins: at a multiple of the largest base page that Linux uses on x86-64 (4 KiB)
   * and aarch64 (4, 16 or 64 KiB).
   */
  static final long ALIGNMENT_BYTES = 64 * 1024;

  /** What the kernel shows such memory as. */
  public static final String NAME = "te-pool";

  private static final String LEAVE_UNSET =
      "Leave TE_HUGE_PAGES unset; other pages need nothing of the machine";

  private static final String RESERVE =
      "Reserve as many (/proc/sys/vm/nr_hugepages; /proc/meminfo shows HugePages_Free, and a"
          + " container may have a limit of its own), ask for less, or leave TE_HUGE_PAGES unset";

  private final String location;
  private final boolean hugePages;
  private final BooleanSupplier shared;

  /**
   * Memory of which the system chooses the NUMA node.
   *
   * @param location what peers are told, {@code *} or {@code cpu:N}
   */
  public OffHeapSource(String location) {
    this(location, false, () -> false);
  }

  /**
   * Memory of which the system chooses the NUMA node.
   *
   * @param location what peers are told, {@code *} or {@code cpu:N}
   * @param hugePages whether it is to be huge pages, and nothing else
   * @param shared whether other processes are to map it, if this machine has memfds; asked for each
   *     slab
   */
  public OffHeapSource(String location, boolean hugePages, BooleanSupplier shared) {
    this.location = location;
    this.hugePages = hugePages;
    this.shared = shared;
  }

  @Override
  public String location() {
    return location;
  }

  @Override
  public Slab take(long bytes) {
    if (hugePages) {
      return ofHugePages(bytes);
    }
    return shared.getAsBoolean() && Platform.isLinux() ? ofSharedMemory(bytes) : ofArena(bytes);
  }

  /** What is not there in this way may be there in the usual one, or is missing for good. */
  private static Slab ofSharedMemory(long bytes) {
    SharedMemory memory;
    try {
      memory = SharedMemory.of(NAME, bytes);
    } catch (NativeCallException | ArithmeticException refused) {
      return ofArena(bytes);
    }
    return taken(memory);
  }

  private static Slab taken(SharedMemory memory) {
    try {
      return new Taken(memory.memory(), memory::close, memory.descriptor());
    } catch (Throwable t) {
      memory.close();
      throw t;
    }
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
    return taken(shared);
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
      return new Taken(arena.allocate(bytes, ALIGNMENT_BYTES), arena::close, -1);
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
  private record Taken(MemorySegment memory, Runnable end, int descriptor) implements Slab {
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
