// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.transferengine.bindings.CUmemcpyAttributes_st;
import io.transferengine.bindings.Cuda;
import io.transferengine.os.FfmSystemCalls;
import io.transferengine.os.ReadableMemory;
import io.transferengine.os.SystemCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.security.SecureRandom;
import java.util.OptionalLong;

/**
 * NVIDIA's driver, libcuda, by the generated bindings. It was initialized when this exists.
 *
 * <p>All functions return a number, 0 for success.
 */
public final class CudaLibrary implements DeviceLibrary {
  private static final int NAME_BYTES = 256;

  /** Handles of streams that are no addresses: the default one, and its two kinds (cuda.h). */
  private static final long NAMED_STREAM_MAX = 2;

  private static final int WAIT_UNTIL_REACHED = 0;

  /** Not the pid: that is another one's later, and in other namespaces. */
  private static final long PROCESS = new SecureRandom().nextLong();

  /** Written by all threads, and read by none: to give a context back takes no memory. */
  private static final MemorySegment POPPED = Arena.global().allocate(JAVA_LONG);

  private final boolean batches;
  private final boolean exports;
  private final SystemCalls system = new FfmSystemCalls();
  private final boolean gates;
  private final boolean flushes;

  /**
   * Initializes the driver, which takes a few hundred milliseconds.
   *
   * @param batches whether the library has {@code cuMemcpyBatchAsync_v2} (CUDA 13)
   * @param exports whether it has {@code cuMemGetHandleForAddressRange} (CUDA 11.7)
   * @param gates whether it has {@code cuStreamWaitValue32_v2}
   * @param flushes whether it has {@code cuFlushGPUDirectRDMAWrites} (CUDA 11.3)
   * @throws DeviceException if it cannot be initialized
   */
  CudaLibrary(boolean batches, boolean exports, boolean gates, boolean flushes) {
    this.batches = batches;
    this.exports = exports;
    this.gates = gates;
    this.flushes = flushes;
    require(Cuda.cuInit(0), "cuInit", "0");
  }

  /** What a call stores in memory of ours. */
  private interface Storing {
    int call(MemorySegment out);
  }

  private static int storedInt(Storing call, String name, String arguments) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_INT);
      require(call.call(out), name, arguments);
      return out.get(JAVA_INT, 0);
    }
  }

  /** A handle or an address. */
  private static long storedLong(Storing call, String name, String arguments) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_LONG);
      require(call.call(out), name, arguments);
      return out.get(JAVA_LONG, 0);
    }
  }

  private static void require(int code, String call, String arguments) {
    if (code != Cuda.CUDA_SUCCESS()) {
      throw new DeviceException(
          call,
          arguments,
          code,
          text(out -> Cuda.cuGetErrorName(code, out)),
          text(out -> Cuda.cuGetErrorString(code, out)));
    }
  }

  /** Makes the text only if the call has failed: without memory, a success would be lost. */
  private static void require(int code, String call, long address) {
    if (code != Cuda.CUDA_SUCCESS()) {
      require(code, call, hex(address));
    }
  }

  private static void require(int code, String call, long address, long bytes) {
    if (code != Cuda.CUDA_SUCCESS()) {
      require(code, call, hex(address) + ", bytes=" + bytes);
    }
  }

  private static void requireOf(int attribute, int code, String call, long address) {
    if (code != Cuda.CUDA_SUCCESS()) {
      require(code, call, "attribute=" + attribute + ", " + hex(address));
    }
  }

  private static String text(Storing call) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(Cuda.C_POINTER);
      boolean known = call.call(out) == Cuda.CUDA_SUCCESS();
      MemorySegment found = out.get(Cuda.C_POINTER, 0);
      return known && found.address() != 0 ? found.getString(0) : "unknown to this driver";
    }
  }

  private static MemorySegment at(long address) {
    return MemorySegment.ofAddress(address);
  }

  private static String hex(long address) {
    return "0x%x".formatted(address);
  }

  @Override
  public int version() {
    return storedInt(Cuda::cuDriverGetVersion, "cuDriverGetVersion", "");
  }

  @Override
  public int count() {
    return storedInt(Cuda::cuDeviceGetCount, "cuDeviceGetCount", "");
  }

  @Override
  public int device(int ordinal) {
    return storedInt(out -> Cuda.cuDeviceGet(out, ordinal), "cuDeviceGet", "ordinal=" + ordinal);
  }

  @Override
  public String name(int device) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocate(NAME_BYTES);
      require(
          Cuda.cuDeviceGetName(text, NAME_BYTES, device), "cuDeviceGetName", "device=" + device);
      return text.getString(0);
    }
  }

  @Override
  public int attribute(int attribute, int device) {
    return storedInt(
        out -> Cuda.cuDeviceGetAttribute(out, attribute, device),
        "cuDeviceGetAttribute",
        "attribute=" + attribute + ", device=" + device);
  }

  @Override
  public long retainContext(int device) {
    return storedLong(
        out -> Cuda.cuDevicePrimaryCtxRetain(out, device),
        "cuDevicePrimaryCtxRetain",
        "device=" + device);
  }

  @Override
  public void releaseContext(int device) {
    int code = Cuda.cuDevicePrimaryCtxRelease_v2(device);
    if (code != Cuda.CUDA_SUCCESS()) {
      require(code, "cuDevicePrimaryCtxRelease_v2", "device=" + device);
    }
  }

  @Override
  public void pushContext(long context) {
    require(Cuda.cuCtxPushCurrent_v2(at(context)), "cuCtxPushCurrent_v2", context);
  }

  @Override
  public void popContext() {
    require(Cuda.cuCtxPopCurrent_v2(POPPED), "cuCtxPopCurrent_v2", "");
  }

  @Override
  public long allocate(long bytes) {
    return storedLong(out -> Cuda.cuMemAlloc_v2(out, bytes), "cuMemAlloc_v2", "bytes=" + bytes);
  }

  @Override
  public void fill(long address, byte value, long bytes, long stream) {
    require(
        Cuda.cuMemsetD8Async(address, value, bytes, at(stream)), "cuMemsetD8Async", address, bytes);
  }

  @Override
  public void free(long address) {
    require(Cuda.cuMemFree_v2(address), "cuMemFree_v2", address);
  }

  @Override
  public void pin(long address, long bytes) {
    require(
        Cuda.cuMemHostRegister_v2(at(address), bytes, Cuda.CU_MEMHOSTREGISTER_PORTABLE()),
        "cuMemHostRegister_v2",
        address,
        bytes);
  }

  @Override
  public void unpin(long address) {
    require(Cuda.cuMemHostUnregister(at(address)), "cuMemHostUnregister", address);
  }

  @Override
  public OptionalLong pointerAttribute(int attribute, long address) {
    try (Arena arena = Arena.ofConfined()) {
      // Some attributes are 4 bytes long, others 8; what is not written stays 0.
      MemorySegment out = arena.allocate(JAVA_LONG);
      int code = Cuda.cuPointerGetAttribute(out, attribute, address);
      if (code == Cuda.CUDA_ERROR_INVALID_VALUE()) {
        return OptionalLong.empty();
      }
      requireOf(attribute, code, "cuPointerGetAttribute", address);
      return OptionalLong.of(out.get(JAVA_LONG, 0));
    }
  }

  @Override
  public void synchronizeCopies(long address) {
    try (Arena arena = Arena.ofConfined()) {
      int attribute = Cuda.CU_POINTER_ATTRIBUTE_SYNC_MEMOPS();
      MemorySegment on = arena.allocateFrom(JAVA_INT, 1);
      int code = Cuda.cuPointerSetAttribute(on, attribute, address);
      requireOf(attribute, code, "cuPointerSetAttribute", address);
    }
  }

  @Override
  public boolean hasDmaBufs() {
    return exports;
  }

  @Override
  public int exportDmaBuf(long address, long bytes) {
    int type = Cuda.CU_MEM_RANGE_HANDLE_TYPE_DMA_BUF_FD();
    return storedInt(
        out -> Cuda.cuMemGetHandleForAddressRange(out, address, bytes, type, 0),
        "cuMemGetHandleForAddressRange",
        hex(address) + ", bytes=" + bytes + ", type=" + type);
  }

  @Override
  public void closeDmaBuf(int descriptor) {
    system.close(descriptor);
  }

  @Override
  public boolean hasFlush() {
    return flushes;
  }

  @Override
  public void flushWrites() {
    int target = Cuda.CU_FLUSH_GPU_DIRECT_RDMA_WRITES_TARGET_CURRENT_CTX();
    int scope = Cuda.CU_FLUSH_GPU_DIRECT_RDMA_WRITES_TO_OWNER();
    int code = Cuda.cuFlushGPUDirectRDMAWrites(target, scope);
    if (code != Cuda.CUDA_SUCCESS()) {
      require(code, "cuFlushGPUDirectRDMAWrites", "scope=" + scope);
    }
  }

  @Override
  public long process() {
    return PROCESS;
  }

  @Override
  public Allocation allocation(long address) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment base = arena.allocate(JAVA_LONG);
      MemorySegment length = arena.allocate(JAVA_LONG);
      require(
          Cuda.cuMemGetAddressRange_v2(base, length, address), "cuMemGetAddressRange_v2", address);
      return new Allocation(base.get(JAVA_LONG, 0), length.get(JAVA_LONG, 0));
    }
  }

  @Override
  public void exportMemory(long base, MemorySegment handle) {
    require(Cuda.cuIpcGetMemHandle(handle, base), "cuIpcGetMemHandle", base);
  }

  @Override
  public long openMemory(MemorySegment handle) {
    int flags = Cuda.CU_IPC_MEM_LAZY_ENABLE_PEER_ACCESS();
    return storedLong(
        out -> Cuda.cuIpcOpenMemHandle_v2(out, handle, flags),
        "cuIpcOpenMemHandle_v2",
        "flags=" + flags);
  }

  @Override
  public void closeMemory(long address) {
    require(Cuda.cuIpcCloseMemHandle(address), "cuIpcCloseMemHandle", address);
  }

  @Override
  public long createStream() {
    return storedLong(
        out -> Cuda.cuStreamCreate(out, Cuda.CU_STREAM_NON_BLOCKING()), "cuStreamCreate", "");
  }

  @Override
  public void destroyStream(long stream) {
    require(Cuda.cuStreamDestroy_v2(at(stream)), "cuStreamDestroy_v2", stream);
  }

  @Override
  public void awaitStream(long stream) {
    require(Cuda.cuStreamSynchronize(at(stream)), "cuStreamSynchronize", stream);
  }

  @Override
  public long createEvent() {
    int flags = Cuda.CU_EVENT_BLOCKING_SYNC() | Cuda.CU_EVENT_DISABLE_TIMING();
    return storedLong(out -> Cuda.cuEventCreate(out, flags), "cuEventCreate", "flags=" + flags);
  }

  @Override
  public void destroyEvent(long event) {
    require(Cuda.cuEventDestroy_v2(at(event)), "cuEventDestroy_v2", event);
  }

  @Override
  public void record(long event, long stream) {
    require(Cuda.cuEventRecord(at(event), at(stream)), "cuEventRecord", event);
  }

  /** The driver looks at what a handle leads to, which would end the JVM if nothing is there. */
  private static void requireHandle(long handle, String call) {
    if (!ReadableMemory.isAt(handle)) {
      throw new DeviceException(
          call,
          hex(handle),
          Cuda.CUDA_ERROR_INVALID_HANDLE(),
          "CUDA_ERROR_INVALID_HANDLE",
          "nothing is there");
    }
  }

  @Override
  public boolean hasHappened(long event) {
    requireHandle(event, "cuEventQuery");
    int code = Cuda.cuEventQuery(at(event));
    if (code == Cuda.CUDA_ERROR_NOT_READY()) {
      return false;
    }
    require(code, "cuEventQuery", event);
    return true;
  }

  @Override
  public void requireStream(long stream) {
    if (stream < 0 || stream > NAMED_STREAM_MAX) {
      requireHandle(stream, "cuEventRecord");
    }
  }

  @Override
  public void hold(long stream, long word, int value) {
    if (!gates) {
      throw new DeviceException(
          "cuStreamWaitValue32_v2",
          hex(stream),
          Cuda.CUDA_ERROR_NOT_SUPPORTED(),
          "CUDA_ERROR_NOT_SUPPORTED",
          "this driver has no such function; newer ones have");
    }
    require(
        Cuda.cuStreamWaitValue32_v2(at(stream), word, value, WAIT_UNTIL_REACHED),
        "cuStreamWaitValue32_v2",
        stream);
  }

  @Override
  public void awaitEvent(long event) {
    require(Cuda.cuEventSynchronize(at(event)), "cuEventSynchronize", event);
  }

  @Override
  public void copyIn(long device, long host, long bytes, long stream) {
    int code = Cuda.cuMemcpyHtoDAsync_v2(device, at(host), bytes, at(stream));
    if (code != Cuda.CUDA_SUCCESS()) {
      require(code, "cuMemcpyHtoDAsync_v2", copy(device, host, bytes));
    }
  }

  @Override
  public void copyOut(long host, long device, long bytes, long stream) {
    int code = Cuda.cuMemcpyDtoHAsync_v2(at(host), device, bytes, at(stream));
    if (code != Cuda.CUDA_SUCCESS()) {
      require(code, "cuMemcpyDtoHAsync_v2", copy(device, host, bytes));
    }
  }

  @Override
  public void copyWithin(long target, long source, long bytes, long stream) {
    int code = Cuda.cuMemcpyDtoDAsync_v2(target, source, bytes, at(stream));
    if (code != Cuda.CUDA_SUCCESS()) {
      require(
          code,
          "cuMemcpyDtoDAsync_v2",
          "target=0x%x, source=0x%x, bytes=%d".formatted(target, source, bytes));
    }
  }

  private static String copy(long device, long host, long bytes) {
    return "device=0x%x, host=0x%x, bytes=%d".formatted(device, host, bytes);
  }

  @Override
  public boolean hasBatches() {
    return batches;
  }

  @Override
  public void copyAll(
      MemorySegment targets, MemorySegment sources, MemorySegment lengths, int count, long stream) {
    try (Arena arena = Arena.ofConfined()) {
      // One attribute, which holds from the first copy on.
      MemorySegment attributes = CUmemcpyAttributes_st.allocate(arena);
      CUmemcpyAttributes_st.srcAccessOrder(attributes, Cuda.CU_MEMCPY_SRC_ACCESS_ORDER_STREAM());
      MemorySegment from = arena.allocate(JAVA_LONG);
      int code =
          Cuda.cuMemcpyBatchAsync_v2(
              targets, sources, lengths, count, attributes, from, 1, at(stream));
      if (code != Cuda.CUDA_SUCCESS()) {
        require(code, "cuMemcpyBatchAsync_v2", "count=" + count);
      }
    }
  }

  @Override
  public long loadModule(MemorySegment text) {
    return storedLong(
        out -> Cuda.cuModuleLoadData(out, text), "cuModuleLoadData", text.byteSize() + " bytes");
  }

  @Override
  public void unloadModule(long module) {
    require(Cuda.cuModuleUnload(at(module)), "cuModuleUnload", module);
  }

  @Override
  public long function(long module, String name) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocateFrom(name);
      return storedLong(
          out -> Cuda.cuModuleGetFunction(out, at(module), text), "cuModuleGetFunction", name);
    }
  }

  @Override
  public void launch(long function, int blocks, int threads, long argument, long stream) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = arena.allocateFrom(JAVA_LONG, argument);
      MemorySegment pointers = arena.allocateFrom(ADDRESS, value);
      MemorySegment kernel = at(function);
      MemorySegment on = at(stream);
      int code =
          Cuda.cuLaunchKernel(
              kernel, blocks, 1, 1, threads, 1, 1, 0, on, pointers, MemorySegment.NULL);
      if (code != Cuda.CUDA_SUCCESS()) {
        require(code, "cuLaunchKernel", "blocks=" + blocks + ", threads=" + threads);
      }
    }
  }
}
