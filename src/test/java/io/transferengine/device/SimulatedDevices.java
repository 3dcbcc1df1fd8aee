// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.bindings.Cuda;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
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
public final class SimulatedDevices extends SimulatedShares implements AutoCloseable {
  /** One in so many copies is late. */
  private static final int LATE_ONE_OF = 8;

  private static final long LATE_NANOS = 1_000_000;
  private static final long FUNCTION = 7;

  private final Random random;
  private final TreeMap<Long, Long> pinned = new TreeMap<>();
  private final Map<Long, SimulatedStream> streams = new HashMap<>();
  private final SimulatedEvents events = new SimulatedEvents();
  private final Set<Long> modules = new HashSet<>();
  private long nextHandle = 1000;
  private volatile CountDownLatch gate = new CountDownLatch(0);
  private final SimulatedStall stall = new SimulatedStall();
  private boolean batches = true;
  private boolean kernels = true;

  /**
   * Devices that are all there is.
   *
   * @param limitBytes the memory of each
   */
  public SimulatedDevices(long seed, int count, long limitBytes) {
    this(seed, count, limitBytes, SimulatedIpc.none());
  }

  /** The same, whose memory other processes can open. */
  public SimulatedDevices(long seed, int count, long limitBytes, SimulatedIpc ipc) {
    super(count, limitBytes, ipc);
    this.random = new Random(seed);
  }

  /** From now on as with another driver. */
  public synchronized void supports(boolean kernel, boolean batch) {
    kernels = kernel;
    batches = batch;
  }

  /** From now on no copy ends, until {@link #letGo}. */
  public void hold() {
    gate = new CountDownLatch(1);
  }

  /** Ends {@link #hold}. */
  public void letGo() {
    gate.countDown();
  }

  /** Is slow behind so many bytes, until {@link #resume}. */
  public void stallAfter(long bytes) {
    stall.stallAfter(bytes);
  }

  /** {@return whether a copy is slow, or was} */
  public boolean isStalled() {
    return stall.isStalled();
  }

  /** Ends {@link #stallAfter}. */
  public void resume() {
    stall.resume();
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
        forgetOpened();
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
    addCount(left, opened(), "allocations of others");
    return left;
  }

  private static void addCount(List<String> left, int number, String what) {
    if (number > 0) {
      left.add(number + " " + what);
    }
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
    unmap();
  }

  // ---- calls

  /** It is not cleared, as a driver's is not if this process has had it before. */
  @Override
  public long allocate(long bytes) {
    long address = memory(enterIn("cuMemAlloc_v2"), bytes);
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

  /** Waits for what is under way, as a driver does. */
  @Override
  public void free(long address) {
    int device = enterIn("cuMemFree_v2");
    if (gate.getCount() == 0) {
      streamsOf(device).forEach(SimulatedStream::awaitAll);
    }
    freeMemory(address);
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
    return SimulatedEvents.isOver(event(event, "cuEventQuery"));
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
  public void copyWithin(long target, long source, long bytes, long stream) {
    var _ = enterIn("cuMemcpyDtoDAsync_v2");
    later(stream, () -> copy(target, source, bytes));
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
            stall.pass();
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
    stall.passed(bytes);
  }

  private synchronized @Nullable MemorySegment find(long address, long bytes) {
    SimulatedMemory.Piece there = owner(address);
    if (there != null) {
      long offset = address - there.base;
      return bytes <= there.bytes - offset ? there.contents.asSlice(offset, bytes) : null;
    }
    Map.Entry<Long, Long> host = pinned.floorEntry(address);
    return host != null && address + bytes <= host.getKey() + host.getValue()
        ? MemorySegment.ofAddress(address).reinterpret(bytes)
        : null;
  }
}
