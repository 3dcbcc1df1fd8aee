// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.bindings.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/** The memory of {@link SimulatedDevices}, which other processes may open. Thread-safe. */
public abstract class SimulatedShares extends SimulatedExports {
  private final SimulatedMemory memory = new SimulatedMemory();
  private final long limitBytes;
  private final SimulatedIpc ipc;

  SimulatedShares(int count, long limitBytes, SimulatedIpc ipc) {
    super(count);
    this.limitBytes = limitBytes;
    this.ipc = ipc;
  }

  // ---- for tests

  /** {@return how many allocations of other processes are open} */
  public final synchronized int opened() {
    return memory.openedCount();
  }

  /** {@return the bytes of a device that were allocated and not freed} */
  public final synchronized long allocated(int device) {
    return memory.allocated(device);
  }

  /** Device memory, as a program would allocate it. */
  public final synchronized long memory(int device, long bytes) {
    if (bytes > limitBytes - allocated(device)) {
      throw failure("cuMemAlloc_v2", Cuda.CUDA_ERROR_OUT_OF_MEMORY());
    }
    Arena arena = Arena.ofShared();
    List<Long> handle = ipc.handle(device, bytes);
    MemorySegment made = handle.isEmpty() ? arena.allocate(bytes) : ipc.create(handle, arena);
    return memory.add(device, made, arena, handle);
  }

  /** Device memory whose contents a test has made, and looks at as they are. */
  public final synchronized long memory(int device, MemorySegment contents) {
    List<Long> handle = ipc.handle(device, contents.byteSize());
    if (!handle.isEmpty()) {
      ipc.share(handle, contents);
    }
    return memory.add(device, contents, Arena.ofShared(), handle);
  }

  /** Device memory of another context than the one that all share. */
  public final synchronized long memoryOfOtherContext(int device, long bytes) {
    long address = memory(device, bytes);
    Objects.requireNonNull(memory.owner(address)).context = -2;
    return address;
  }

  /** Frees memory, as a program would. */
  public final synchronized void freeMemory(long address) {
    SimulatedMemory.Piece piece = memory.at(address);
    if (piece == null || piece.opened > 0) {
      throw failure("cuMemFree_v2", Cuda.CUDA_ERROR_INVALID_VALUE());
    }
    if (!piece.handle.isEmpty()) {
      ipc.freed(piece.handle);
    }
    piece.freed = true;
  }

  /** What is open goes with a lost device's context. */
  final synchronized void forgetOpened() {
    memory.forgetOpened().forEach(ipc::closed);
  }

  /** Unmaps all; nothing may be under way. */
  final synchronized void unmap() {
    memory.close();
  }

  @Override
  final SimulatedMemory.@Nullable Piece owner(long address) {
    return memory.owner(address);
  }

  private static SimulatedMemory.Piece known(String call, SimulatedMemory.@Nullable Piece piece) {
    if (piece == null) {
      throw failure(call, Cuda.CUDA_ERROR_INVALID_VALUE());
    }
    return piece;
  }

  // ---- calls

  @Override
  public final synchronized OptionalLong pointerAttribute(int attribute, long address) {
    var _ = enter("cuPointerGetAttribute");
    SimulatedMemory.Piece there = memory.owner(address);
    if (there == null) {
      return OptionalLong.empty();
    }
    return OptionalLong.of(
        switch (attribute) {
          case 2 -> Cuda.CU_MEMORYTYPE_DEVICE();
          case 1 -> there.context;
          case 9 -> there.device;
          case 10 -> there.handle.isEmpty() || there.opened > 0 ? 0 : 1;
          case 11 -> there.base;
          case 12 -> there.bytes;
          default -> throw new AssertionError("attribute " + attribute);
        });
  }

  @Override
  public final long process() {
    return ipc.process();
  }

  @Override
  public final synchronized Allocation allocation(long address) {
    var _ = enterIn("cuMemGetAddressRange_v2");
    SimulatedMemory.Piece piece = known("cuMemGetAddressRange_v2", memory.owner(address));
    return new Allocation(piece.base, piece.bytes);
  }

  @Override
  public final synchronized void exportMemory(long base, MemorySegment handle) {
    var _ = enterIn("cuIpcGetMemHandle");
    List<Long> words = known("cuIpcGetMemHandle", memory.at(base)).handle;
    for (int i = 0; i < words.size(); i++) {
      handle.setAtIndex(ValueLayout.JAVA_LONG, i, words.get(i));
    }
  }

  @Override
  public final synchronized long openMemory(MemorySegment handle) {
    int device = enterIn("cuIpcOpenMemHandle_v2");
    List<Long> words = LongStream.of(handle.toArray(ValueLayout.JAVA_LONG)).boxed().toList();
    if (words.get(1) == ipc.process()) {
      throw failure("cuIpcOpenMemHandle_v2", Cuda.CUDA_ERROR_INVALID_CONTEXT());
    }
    if (words.get(3) != device && !ipc.peerAccess) {
      throw failure("cuIpcOpenMemHandle_v2", Cuda.CUDA_ERROR_PEER_ACCESS_UNSUPPORTED());
    }
    SimulatedMemory.Piece open = memory.opened(words);
    if (open == null) {
      Arena arena = Arena.ofShared();
      MemorySegment contents = ipc.open(words, arena);
      if (contents == null) {
        throw failure("cuIpcOpenMemHandle_v2", Cuda.CUDA_ERROR_MAP_FAILED());
      }
      long base = memory.add(Math.toIntExact(words.get(3)), contents, arena, words);
      open = Objects.requireNonNull(memory.at(base));
    }
    open.opened++;
    return open.base;
  }

  @Override
  public final synchronized void closeMemory(long address) {
    var _ = enterIn("cuIpcCloseMemHandle");
    SimulatedMemory.Piece piece = known("cuIpcCloseMemHandle", memory.at(address));
    if (piece.opened == 0) {
      throw failure("cuIpcCloseMemHandle", Cuda.CUDA_ERROR_INVALID_VALUE());
    }
    if (--piece.opened == 0) {
      piece.freed = true;
      ipc.closed(piece.handle);
    }
  }
}
