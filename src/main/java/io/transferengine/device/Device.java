// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.transferengine.bindings.Cuda;
import io.transferengine.logging.Anyway;
import io.transferengine.logging.Failures;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A device of this process: its shared context, held as long as this is open, and two lanes of
 * copies.
 *
 * <p>The context is made current on threads of ours, and on a caller's thread only within a call:
 * afterwards the thread has the context that it had.
 *
 * <p>Thread-safe. Errors are {@link TransferException}s with the driver's text. After an error that
 * has cost the device its context every call fails with that one ({@link
 * DeviceException#isSticky}).
 */
public final class Device implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Device.class);

  private final DeviceLibrary library;
  private final int handle;
  private final int ordinal;
  private final String location;
  private final String model;
  private final long context;
  private final CopyKernel kernel;
  private final CopyLane outward;
  private final CopyLane inward;
  private volatile @Nullable DeviceException lost;

  // Guarded by this.
  private boolean drained;
  private boolean lanesEnded;
  private boolean closed;

  private Device(DeviceLibrary library, int handle, int ordinal, long context) {
    this.library = library;
    this.handle = handle;
    this.ordinal = ordinal;
    this.location = "cuda:" + ordinal;
    this.context = context;
    this.model = library.name(handle);
    library.pushContext(context);
    try {
      kernel = CopyKernel.load(library, handle, location);
      CopyLane made = null;
      try {
        made = new CopyLane(location, library, context, true, kernel.function());
        inward = new CopyLane(location, library, context, false, kernel.function());
      } catch (Throwable t) {
        Failures failures = new Failures();
        failures.add(t);
        if (made != null) {
          failures.attempt(made::close);
        }
        failures.attempt(kernel::close);
        throw t;
      }
      outward = made;
    } finally {
      popContext(library);
    }
  }

  /**
   * Opens a device.
   *
   * @param ordinal from 0
   * @throws TransferException if there is no such device, or it cannot be used
   */
  static Device open(DeviceLibrary library, int ordinal) {
    try {
      int count = library.count();
      if (ordinal >= count) {
        throw DeviceErrors.noSuch(ordinal, count);
      }
      int handle = library.device(ordinal);
      long context = library.retainContext(handle);
      try {
        return new Device(library, handle, ordinal, context);
      } catch (Throwable t) {
        Anyway.run(log, "Letting a context go", () -> library.releaseContext(handle));
        throw t;
      }
    } catch (DeviceException e) {
      throw DeviceErrors.failed("cuda:" + ordinal, e);
    }
  }

  /** {@return whether an error has cost it its context} */
  public boolean isLost() {
    return lost != null;
  }

  /** {@return whether scattered ranges are copied by the kernel} */
  public boolean hasKernel() {
    return kernel.function() != 0;
  }

  /** {@return the address of new memory, which no processor may touch} */
  public long allocate(long bytes) {
    return within(() -> library.allocate(bytes));
  }

  /** {@return as {@link #allocate}; all of its bytes are 0, so it shows nothing of its past} */
  long allocateZeroed(long bytes) {
    return within(
        () -> {
          long address = library.allocate(bytes);
          try {
            long stream = library.createStream();
            try {
              library.fill(address, (byte) 0, bytes, stream);
              library.awaitStream(stream);
            } finally {
              library.destroyStream(stream);
            }
            return address;
          } catch (Throwable t) {
            Anyway.run(log, "Freeing memory of a device", () -> library.free(address));
            throw t;
          }
        });
  }

  /** Frees what {@link #allocate} gave; nothing may be under way there. */
  public void free(long address) {
    run(() -> library.free(address));
  }

  /** Pins mapped host memory, so that it can be copied to and from. */
  public void pin(long address, long bytes) {
    run(() -> library.pin(address, bytes));
  }

  /** Ends {@link #pin}; nothing may be under way there. */
  public void unpin(long address) {
    run(() -> library.unpin(address));
  }

  /**
   * Checks that a range is memory of this device, allocated and not freed.
   *
   * @throws TransferException that says what it is instead
   */
  public void require(long address, long length) {
    run(() -> DeviceRange.require(library, ordinal, context, address, length));
  }

  /**
   * {@return by which other processes of this machine open the allocation that a range lies in}
   *
   * @throws TransferException if the range is not memory of this device, or cannot be opened so
   */
  public SharedAllocation share(long address, long length) {
    require(address, length);
    return within(
        () -> {
          int capable = Cuda.CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE();
          if (DeviceRange.attribute(library, capable, address) != 1) {
            throw DeviceErrors.notShared(
                location,
                "it was allocated in a way that has no handles for others, as by cuMemMap");
          }
          DeviceLibrary.Allocation all = library.allocation(address);
          try (Arena arena = Arena.ofConfined()) {
            MemorySegment handle = arena.allocate(JAVA_LONG, SharedAllocation.HANDLE_WORDS);
            library.exportMemory(all.base(), handle);
            List<Long> words = Arrays.stream(handle.toArray(JAVA_LONG)).boxed().toList();
            SharedAllocation made =
                new SharedAllocation(words, all.base(), all.length(), library.process(), ordinal);
            if (!made.covers(address, length)) {
              throw DeviceErrors.notShared(location, "it is more than one allocation");
            }
            return made;
          }
        });
  }

  /** {@return whether an allocation is of this process, and on this device} */
  public boolean isOwn(SharedAllocation shared) {
    return shared.process() == library.process() && shared.ordinal() == ordinal;
  }

  /**
   * {@return where an allocation of another process begins here, to be closed again}
   *
   * @throws TransferException if it cannot be opened: it is of this process, its process has ended,
   *     or this device does not reach the one that has it
   */
  public long openShared(SharedAllocation shared) {
    if (shared.process() == library.process()) {
      throw DeviceErrors.notShared(location, "it is memory of this process, on another device");
    }
    return within(
        () -> {
          try (Arena arena = Arena.ofConfined()) {
            MemorySegment handle = arena.allocate(JAVA_LONG, SharedAllocation.HANDLE_WORDS);
            for (int i = 0; i < SharedAllocation.HANDLE_WORDS; i++) {
              handle.setAtIndex(JAVA_LONG, i, shared.handle().get(i));
            }
            return library.openMemory(handle);
          }
        });
  }

  /** Ends {@link #openShared}; nothing may be under way there. */
  public void closeShared(long address) {
    run(() -> library.closeMemory(address));
  }

  /** {@return something that copies within the memory that this device reaches} */
  public PairCopier pairCopier() {
    return within(() -> new PairCopier(this::run, library, kernel.function()));
  }

  /**
   * Begins to copy ranges of the device to host memory, one behind the other.
   *
   * @param host pinned
   * @param list not to be changed until the end is told
   */
  public void copyOut(CopyList list, long host, CopyCompletion completion) {
    copy(outward, list, host, completion);
  }

  /** Begins to copy from host memory to ranges of the device; as {@link #copyOut}. */
  public void copyIn(CopyList list, long host, CopyCompletion completion) {
    copy(inward, list, host, completion);
  }

  private void copy(CopyLane lane, CopyList list, long host, CopyCompletion completion) {
    DeviceException before = lost;
    if (before != null) {
      throw DeviceErrors.failed(location, before);
    }
    CopyLane.Job job =
        new CopyLane.Job(
            list,
            host,
            failure -> {
              if (failure != null) {
                note(failure.getCause());
              }
              completion.copied(failure);
            });
    if (!lane.submit(job)) {
      throw DeviceErrors.closed();
    }
  }

  private void note(@Nullable Throwable cause) {
    if (cause instanceof DeviceException driver && driver.isSticky()) {
      lost = driver;
    }
  }

  /**
   * {@return whether what an event stands for is over}
   *
   * @param event its handle; it may be somebody else's, and an error may be that of another device
   */
  boolean hasHappened(long event) {
    return within(() -> library.hasHappened(event), false);
  }

  /** {@return the same of an event that {@link #createEvent} gave} */
  boolean hasOwnHappened(long event) {
    return within(() -> library.hasHappened(event));
  }

  /** {@return a new event of this device, to be destroyed by {@link #destroyEvent}} */
  long createEvent() {
    return within(library::createEvent);
  }

  /** Destroys an event. */
  void destroyEvent(long event) {
    run(() -> library.destroyEvent(event));
  }

  /** Has an event happen when what was begun so far on a stream of somebody's is over. */
  void record(long event, long stream) {
    var _ =
        within(
            () -> {
              library.requireStream(stream);
              library.record(event, stream);
              return this;
            },
            false);
  }

  /**
   * Has a stream of somebody's stand still, behind all that was begun there.
   *
   * @param stream one that {@link #record} has found
   * @param word pinned; the stream goes on when it has reached {@code value}
   */
  void hold(long stream, long word, int value) {
    var _ =
        within(
            () -> {
              library.hold(stream, word, value);
              return this;
            },
            false);
  }

  private void run(Runnable call) {
    var _ =
        within(
            () -> {
              call.run();
              return this;
            });
  }

  /** Runs calls of the driver with the context, which the thread has only meanwhile. */
  private <T> T within(Supplier<T> calls) {
    return within(calls, true);
  }

  /**
   * @param own false if an error may be that of another context, and says nothing of this device
   */
  private <T> T within(Supplier<T> calls, boolean own) {
    DeviceException before = lost;
    if (before != null) {
      throw DeviceErrors.failed(location, before);
    }
    try {
      library.pushContext(context);
      try {
        return calls.get();
      } finally {
        popContext(library);
      }
    } catch (DeviceException e) {
      if (!own) {
        throw DeviceErrors.ofOthers(location, e);
      }
      note(e);
      throw DeviceErrors.failed(location, e);
    }
  }

  /** Throws nothing: what the calls before it have taken would be lost. */
  private static void popContext(DeviceLibrary library) {
    try {
      library.popContext();
    } catch (Throwable t) {
      Anyway.failed(log, "Giving a thread its context back", t);
    }
  }

  /** Takes no more copies, and waits for those under way. Idempotent. */
  synchronized void drain() {
    if (drained) {
      return;
    }
    drained = true;
    Failures failures = new Failures();
    inContext(
        failures,
        () -> {
          boolean outwardEnded = closeLane(outward, failures);
          lanesEnded = closeLane(inward, failures) && outwardEnded;
        });
    throwUnlessLost(failures);
  }

  /**
   * Ends it when what is under way has ended. What does not end keeps all that it uses, the kernel
   * and the context too. Idempotent.
   */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    Failures failures = new Failures();
    failures.attempt(this::drain);
    if (lanesEnded) {
      inContext(failures, () -> failures.attempt(kernel::close));
      failures.attempt(() -> library.releaseContext(handle));
    }
    throwUnlessLost(failures);
  }

  /** Runs an action; with the context, if that can be had. */
  private void inContext(Failures failures, Runnable action) {
    boolean hasContext = false;
    try {
      library.pushContext(context);
      hasContext = true;
    } catch (DeviceException e) {
      failures.add(DeviceErrors.failed(location, e));
    }
    action.run();
    if (hasContext) {
      failures.attempt(library::popContext);
    }
  }

  private void throwUnlessLost(Failures failures) {
    if (lost == null) {
      failures.throwIfAny();
    }
  }

  /** {@return whether nothing of it is under way} */
  private boolean closeLane(CopyLane lane, Failures failures) {
    try {
      boolean ended = lane.close();
      if (!ended) {
        log.warn("A copy of {} does not end; what it uses stays in use", location);
      }
      return ended;
    } catch (Throwable t) {
      // Of giving back, after the end.
      note(t);
      failures.add(t);
      return true;
    }
  }

  @Override
  public String toString() {
    return location + " (" + model + ")";
  }
}
