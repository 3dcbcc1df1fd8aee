// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.bindings.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Devices without hardware. Their memory lies at addresses where any touch of the processor ends
 * the JVM; what it contains is elsewhere. Copies are made later, on a thread of each stream, after
 * delays that follow from a seed. Calls can be made to fail.
 *
 * <p>It is stricter than a driver: host memory must be pinned, addresses are never used again, and
 * it knows what was not given back ({@link #open}).
 */
@SuppressWarnings("restricted") // reads and writes host memory by its address, as a device does
public final class SimulatedDevices extends SimulatedExports implements AutoCloseable {
  /** One in so many copies is late. */
  private static final int LATE_ONE_OF = 8;

  private static final long LATE_NANOS = 1_000_000;
  private static final long FUNCTION = 7;

  private final int count;
  private final long limitBytes;
  private final Random random;
  private final SimulatedMemory memory = new SimulatedMemory();
  private final TreeMap<Long, Long> pinned = new TreeMap<>();
  private final Map<Long, SimulatedStream> streams = new HashMap<>();
  private final SimulatedEvents events = new SimulatedEvents();
  private final Set<Long> modules = new HashSet<>();
  private final int[] contexts;
  private final int[] lost;
  private final CallPlan plan = new CallPlan();
  private final ThreadLocal<ArrayDeque<Integer>> current = ThreadLocal.withInitial(ArrayDeque::new);
  private long nextHandle = 1000;
  private volatile CountDownLatch gate = new CountDownLatch(0);
  private boolean batches = true;
  private boolean kernels = true;

  /**
   * Devices that are all there is.
   *
   * @param limitBytes the memory of each
   */
  public SimulatedDevices(long seed, int count, long limitBytes) {
    this.count = count;
    this.limitBytes = limitBytes;
    this.random = new Random(seed);
    this.contexts = new int[count];
    this.lost = new int[count];
  }

  /** From now on as with another driver. */
  public synchronized void supports(boolean kernel, boolean batch) {
    kernels = kernel;
    batches = batch;
  }

  /** {@return which calls were made, and which are to fail} */
  public CallPlan plan() {
    return plan;
  }

  /** From now on no copy ends, until {@link #letGo}. */
  public void hold() {
    gate = new CountDownLatch(1);
  }

  /** Ends {@link #hold}. */
  public void letGo() {
    gate.countDown();
  }

  /** Takes for given back what could not be, since its device was lost. */
  public synchronized void forgetLost() {
    for (int i = 0; i < count; i++) {
      if (lost[i] != 0) {
        contexts[i] = 0;
        streams.clear();
        events.clear();
        modules.clear();
        pinned.clear();
      }
    }
  }

  /** {@return what was taken and not given back, in words; memory left out} */
  public synchronized List<String> open() {
    List<String> left = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      if (contexts[i] != 0) {
        left.add(contexts[i] + " holds of the context of " + i);
      }
    }
    addCount(left, streams.size(), "streams");
    addCount(left, events.count(), "events");
    addCount(left, modules.size(), "modules");
    addCount(left, pinned.size(), "pinned ranges");
    addCount(left, openDmaBufs(), "dma-bufs");
    return left;
  }

  private static void addCount(List<String> left, int number, String what) {
    if (number > 0) {
      left.add(number + " " + what);
    }
  }

  /** {@return the bytes of a device that were allocated and not freed} */
  public synchronized long allocated(int device) {
    return memory.allocated(device);
  }

  /** Device memory, as a program would allocate it. */
  public synchronized long memory(int device, long bytes) {
    return allocate(device, bytes);
  }

  /** Device memory whose contents a test has made, and looks at as they are. */
  public synchronized long memory(int device, MemorySegment contents) {
    return memory.add(device, contents, Arena.ofShared());
  }

  /** Device memory of another context than the one that all share. */
  public synchronized long memoryOfOtherContext(int device, long bytes) {
    long address = allocate(device, bytes);
    Objects.requireNonNull(memory.owner(address)).context = -2;
    return address;
  }

  /** Sets bytes of a device's memory. */
  public void poke(long address, byte[] bytes) {
    MemorySegment.copy(
        bytes, 0, atDevice(address, bytes.length), ValueLayout.JAVA_BYTE, 0, bytes.length);
  }

  /** {@return bytes of a device's memory} */
  public byte[] peek(long address, int bytes) {
    return atDevice(address, bytes).toArray(ValueLayout.JAVA_BYTE);
  }

  private MemorySegment atDevice(long address, long bytes) {
    MemorySegment found = find(address, bytes);
    if (found == null) {
      throw new AssertionError("0x%x is no memory of a device".formatted(address));
    }
    return found;
  }

  /** Unmaps all; nothing may be under way. */
  @Override
  public synchronized void close() {
    memory.close();
  }

  // ---- calls

  /** A call begins; {@return the device of the thread's context, -1 without one} */
  @Override
  synchronized int enter(String call) {
    Integer device = current.get().peek();
    int code = plan.next(call);
    if (device != null && lost[device] != 0) {
      throw failure(call, lost[device]);
    }
    if (code != 0) {
      if (device != null && failure(call, code).isSticky()) {
        lost[device] = code;
      }
      throw failure(call, code);
    }
    return device == null ? -1 : device;
  }

  /** A call that needs a context. */
  @Override
  int enterIn(String call) {
    int device = enter(call);
    if (device < 0) {
      throw failure(call, Cuda.CUDA_ERROR_INVALID_CONTEXT());
    }
    return device;
  }

  @Override
  public int count() {
    var _ = enter("cuDeviceGetCount");
    return count;
  }

  @Override
  public int device(int ordinal) {
    var _ = enter("cuDeviceGet");
    if (ordinal < 0 || ordinal >= count) {
      throw failure("cuDeviceGet", Cuda.CUDA_ERROR_INVALID_DEVICE());
    }
    return ordinal;
  }

  @Override
  public String name(int device) {
    var _ = enter("cuDeviceGetName");
    return "Simulated " + device;
  }

  @Override
  public synchronized long retainContext(int device) {
    var _ = enter("cuDevicePrimaryCtxRetain");
    contexts[device]++;
    return device + 1L;
  }

  @Override
  public synchronized void releaseContext(int device) {
    var _ = enter("cuDevicePrimaryCtxRelease_v2");
    if (contexts[device] == 0) {
      throw failure("cuDevicePrimaryCtxRelease_v2", Cuda.CUDA_ERROR_INVALID_CONTEXT());
    }
    contexts[device]--;
  }

  @Override
  public void pushContext(long context) {
    var _ = enter("cuCtxPushCurrent_v2");
    current.get().push((int) context - 1);
  }

  @Override
  public void popContext() {
    // It succeeds with a context that is lost, too.
    current.get().pop();
  }

  /** {@return whether the calling thread has no context} */
  public boolean isThreadClean() {
    return current.get().isEmpty();
  }

  /** It is not cleared, as a driver's is not if this process has had it before. */
  @Override
  public long allocate(long bytes) {
    long address = allocate(enterIn("cuMemAlloc_v2"), bytes);
    atDevice(address, bytes).fill((byte) 0x5a);
    return address;
  }

  @Override
  public void fill(long address, byte value, long bytes, long stream) {
    var _ = enterIn("cuMemsetD8Async");
    later(
        stream,
        () -> {
          MemorySegment there = find(address, bytes);
          if (there == null) {
            throw failure("a fill", Cuda.CUDA_ERROR_ILLEGAL_ADDRESS());
          }
          there.fill(value);
        });
  }

  private synchronized long allocate(int device, long bytes) {
    if (bytes > limitBytes - allocated(device)) {
      throw failure("cuMemAlloc_v2", Cuda.CUDA_ERROR_OUT_OF_MEMORY());
    }
    Arena arena = Arena.ofShared();
    return memory.add(device, arena.allocate(bytes), arena);
  }

  /** Waits for what is under way, as a driver does. */
  @Override
  public void free(long address) {
    int device = enterIn("cuMemFree_v2");
    if (gate.getCount() == 0) {
      streamsOf(device).forEach(SimulatedStream::awaitAll);
    }
    synchronized (this) {
      if (!memory.free(address)) {
        throw failure("cuMemFree_v2", Cuda.CUDA_ERROR_INVALID_VALUE());
      }
    }
  }

  private synchronized List<SimulatedStream> streamsOf(int device) {
    return streams.values().stream().filter(each -> each.device == device).toList();
  }

  @Override
  public synchronized void pin(long address, long bytes) {
    var _ = enterIn("cuMemHostRegister_v2");
    if (pinned.putIfAbsent(address, bytes) != null) {
      throw failure("cuMemHostRegister_v2", 712);
    }
  }

  @Override
  public synchronized void unpin(long address) {
    var _ = enterIn("cuMemHostUnregister");
    if (pinned.remove(address) == null) {
      throw failure("cuMemHostUnregister", 713);
    }
  }

  @Override
  public synchronized OptionalLong pointerAttribute(int attribute, long address) {
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
          case 11 -> there.base;
          case 12 -> there.bytes;
          default -> throw new AssertionError("attribute " + attribute);
        });
  }

  @Override
  public synchronized long createStream() {
    int device = enterIn("cuStreamCreate");
    long handle = nextHandle++;
    streams.put(handle, new SimulatedStream(device, handle));
    return handle;
  }

  @Override
  public void destroyStream(long handle) {
    var _ = enterIn("cuStreamDestroy_v2");
    SimulatedStream stream;
    synchronized (this) {
      stream = streams.remove(handle);
    }
    if (stream == null) {
      throw failure("cuStreamDestroy_v2", 400);
    }
    if (gate.getCount() == 0) {
      stream.awaitAll(); // so that memory that is freed next is not in use
    }
    stream.end();
  }

  private synchronized SimulatedStream stream(long handle) {
    SimulatedStream stream = streams.get(handle);
    if (stream == null) {
      throw failure("a stream", 400);
    }
    return stream;
  }

  @Override
  public void awaitStream(long handle) {
    var _ = enterIn("cuStreamSynchronize");
    SimulatedStream stream = stream(handle);
    stream.awaitAll();
    requireNotLost(stream.device, "cuStreamSynchronize");
  }

  private void await(CompletableFuture<Void> done, int device, String call) {
    try {
      done.join();
    } catch (CompletionException e) {
      throw new AssertionError(e);
    }
    requireNotLost(device, call);
  }

  private synchronized void requireNotLost(int device, String call) {
    if (lost[device] != 0) {
      throw failure(call, lost[device]);
    }
  }

  /** {@return the events, so that a test has some of its own} */
  public SimulatedEvents events() {
    return events;
  }

  @Override
  public long createEvent() {
    var _ = enterIn("cuEventCreate");
    return events.create(true);
  }

  @Override
  public void destroyEvent(long event) {
    var _ = enterIn("cuEventDestroy_v2");
    if (!events.destroy(event)) {
      throw failure("cuEventDestroy_v2", 400);
    }
  }

  @Override
  public void record(long event, long stream) {
    var _ = enterIn("cuEventRecord");
    CompletableFuture<Void> done = new CompletableFuture<>();
    if (!events.replace(event, done)) {
      throw failure("cuEventRecord", 400);
    }
    stream(stream).add(() -> done.complete(null));
  }

  @Override
  public void awaitEvent(long event) {
    int device = enterIn("cuEventSynchronize");
    await(event(event, "cuEventSynchronize"), device, "cuEventSynchronize");
  }

  private CompletableFuture<Void> event(long event, String call) {
    CompletableFuture<Void> done = events.get(event);
    if (done == null) {
      throw failure(call, Cuda.CUDA_ERROR_INVALID_HANDLE());
    }
    return done;
  }

  @Override
  public boolean hasHappened(long event) {
    var _ = enterIn("cuEventQuery");
    return event(event, "cuEventQuery").isDone();
  }

  @Override
  public void requireStream(long stream) {
    var _ = stream(stream);
  }

  @Override
  public void hold(long stream, long word, int value) {
    var _ = enterIn("cuStreamWaitValue32_v2");
    MemorySegment there = find(word, Integer.BYTES);
    if (there == null) {
      throw failure("cuStreamWaitValue32_v2", Cuda.CUDA_ERROR_INVALID_VALUE());
    }
    stream(stream).standStill(there, value);
  }

  @Override
  public void copyIn(long device, long host, long bytes, long stream) {
    var _ = enterIn("cuMemcpyHtoDAsync_v2");
    later(stream, () -> copy(device, host, bytes));
  }

  @Override
  public void copyOut(long host, long device, long bytes, long stream) {
    var _ = enterIn("cuMemcpyDtoHAsync_v2");
    later(stream, () -> copy(host, device, bytes));
  }

  @Override
  public synchronized boolean hasBatches() {
    return batches;
  }

  @Override
  public void copyAll(
      MemorySegment targets, MemorySegment sources, MemorySegment lengths, int rows, long stream) {
    var _ = enterIn("cuMemcpyBatchAsync_v2");
    // It has read the columns when it returns.
    long[] to = targets.toArray(ValueLayout.JAVA_LONG);
    long[] from = sources.toArray(ValueLayout.JAVA_LONG);
    long[] bytes = lengths.toArray(ValueLayout.JAVA_LONG);
    later(
        stream,
        () -> {
          for (int i = rows; i-- > 0; ) { // no order is promised
            copy(to[i], from[i], bytes[i]);
          }
        });
  }

  @Override
  public synchronized long loadModule(MemorySegment text) {
    var _ = enterIn("cuModuleLoadData");
    if (!kernels) {
      throw failure("cuModuleLoadData", Cuda.CUDA_ERROR_JIT_COMPILER_NOT_FOUND());
    }
    if (text.get(ValueLayout.JAVA_BYTE, text.byteSize() - 1) != 0) {
      throw new AssertionError("no zero at the end");
    }
    long handle = nextHandle++;
    modules.add(handle);
    return handle;
  }

  @Override
  public synchronized void unloadModule(long module) {
    var _ = enterIn("cuModuleUnload");
    if (!modules.remove(module)) {
      throw failure("cuModuleUnload", 400);
    }
  }

  @Override
  public long function(long module, String name) {
    var _ = enterIn("cuModuleGetFunction");
    if (!name.equals("te_copy_ranges")) {
      throw failure("cuModuleGetFunction", Cuda.CUDA_ERROR_NOT_FOUND());
    }
    return FUNCTION;
  }

  /** The table is read when the kernel runs: it must not be used again before. */
  @Override
  public void launch(long function, int blocks, int threads, long argument, long stream) {
    var _ = enterIn("cuLaunchKernel");
    if (function != FUNCTION || blocks < 1 || threads < 1) {
      throw failure("cuLaunchKernel", Cuda.CUDA_ERROR_INVALID_VALUE());
    }
    later(
        stream,
        () -> {
          MemorySegment table = find(argument, 24L * blocks);
          if (table == null) {
            throw failure("a kernel", Cuda.CUDA_ERROR_ILLEGAL_ADDRESS());
          }
          for (int i = blocks; i-- > 0; ) {
            copy(
                table.getAtIndex(ValueLayout.JAVA_LONG, blocks + i),
                table.getAtIndex(ValueLayout.JAVA_LONG, i),
                table.getAtIndex(ValueLayout.JAVA_LONG, 2L * blocks + i));
          }
        });
  }

  // ---- what the device does

  private void later(long handle, Runnable copy) {
    SimulatedStream stream = stream(handle);
    long delay;
    synchronized (this) {
      delay = random.nextInt(LATE_ONE_OF) == 0 ? random.nextLong(LATE_NANOS) : 0;
    }
    stream.add(
        () -> {
          LockSupport.parkNanos(delay);
          try {
            gate.await();
            copy.run();
          } catch (DeviceException e) {
            synchronized (this) {
              lost[stream.device] = e.code();
            }
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
        });
  }

  private void copy(long to, long from, long bytes) {
    MemorySegment source = find(from, bytes);
    MemorySegment target = find(to, bytes);
    if (source == null || target == null) {
      throw failure("a copy", Cuda.CUDA_ERROR_ILLEGAL_ADDRESS());
    }
    target.copyFrom(source);
  }

  private synchronized @Nullable MemorySegment find(long address, long bytes) {
    SimulatedMemory.Piece there = memory.owner(address);
    if (there != null) {
      long offset = address - there.base;
      return bytes <= there.bytes - offset ? there.contents.asSlice(offset, bytes) : null;
    }
    Map.Entry<Long, Long> host = pinned.floorEntry(address);
    return host != null && address + bytes <= host.getKey() + host.getValue()
        ? MemorySegment.ofAddress(address).reinterpret(bytes)
        : null;
  }

  @Override
  SimulatedMemory.@Nullable Piece owner(long address) {
    return memory.owner(address);
  }
}
