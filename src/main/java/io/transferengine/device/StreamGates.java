// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.logging.Anyway;
import io.transferengine.logging.Failures;
import io.transferengine.memory.MemoryKind;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gates in the streams of callers. What a caller begins on a stream behind a gate begins when the
 * gate is opened, which the host does by writing a word of pinned memory: no thread waits, neither
 * ours nor the driver's.
 *
 * <p>Each gate has a word of its own and counts its uses there. It is used again only once it is
 * known that the stream has gone past it: until then the stream may still read the word.
 *
 * <p>Thread-safe.
 */
public final class StreamGates implements AutoCloseable {
  /** Closed at a time. */
  static final int LIMIT = 1024;

  private static final Logger log = LoggerFactory.getLogger(StreamGates.class);

  private static final VarHandle WORD = ValueLayout.JAVA_INT.varHandle();
  private static final long PAGE = 4096;

  /** How long the end waits for streams to go on past gates, which are all open by then. */
  private static final long END_NANOS = TimeUnit.SECONDS.toNanos(2);

  private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  private final Devices devices;
  private final int limit;

  // Guarded by this.
  private final List<Gate> gates = new ArrayList<>();
  private @Nullable Words words;
  private boolean closed;

  private record Words(Device device, Arena arena, MemorySegment memory) {}

  /** Nothing is pinned yet. */
  public StreamGates(Devices devices) {
    this(devices, LIMIT);
  }

  StreamGates(Devices devices, int limit) {
    this.devices = devices;
    this.limit = limit;
  }

  /** A gate. */
  public final class Gate implements Runnable {
    private final Device device;
    private final MemorySegment word;
    private final long before;
    private final long after;

    // Guarded by the gates.
    private int uses;
    private boolean open = true;

    /** Whether {@link #after} tells of the latest use. */
    private boolean isTold = true;

    private Gate(Device device, MemorySegment word, long before, long after) {
      this.device = device;
      this.word = word;
      this.before = before;
      this.after = after;
    }

    /** {@return the event that happens when the stream has come to the gate} */
    public long event() {
      return before;
    }

    /** Opens it, once for each time that it was closed. Throws nothing, and needs no memory. */
    @Override
    public void run() {
      synchronized (StreamGates.this) {
        WORD.setVolatile(word, 0L, uses);
        open = true;
      }
    }

    private void tell(boolean told) {
      synchronized (StreamGates.this) {
        isTold = told;
      }
    }

    /** {@return whether no stream reads the word any more} To be asked with the gates. */
    private boolean isPassed() {
      if (!open || !isTold) {
        return false;
      }
      try {
        return device.hasOwnHappened(after);
      } catch (TransferException e) {
        return false;
      }
    }
  }

  /**
   * Closes a gate behind all that was begun on a stream so far.
   *
   * @param kind a device; the stream has to be one of its primary context
   * @param stream the handle; 0 for the default stream
   * @return the gate, to be opened
   * @throws TransferException if that cannot be; then the stream goes on
   */
  public Gate close(MemoryKind kind, long stream) {
    Device device = devices.of(kind);
    Gate gate = taken(device);
    try {
      device.record(gate.before, stream);
      gate.tell(false);
      try {
        device.hold(stream, gate.word.address(), gate.uses);
      } finally {
        // Also if that failed: whether the stream reads the word nevertheless is not known.
        device.record(gate.after, stream);
        gate.tell(true);
      }
      return gate;
    } catch (TransferException e) {
      gate.run();
      throw DeviceErrors.ofHandle("stream", stream, e);
    } catch (Throwable t) {
      gate.run();
      throw t;
    }
  }

  private synchronized Gate taken(Device device) {
    if (closed) {
      throw DeviceErrors.closed();
    }
    Gate gate = null;
    for (Gate each : gates) {
      if (each.device == device && each.isPassed()) {
        gate = each;
        break;
      }
    }
    if (gate == null) {
      gate = made(device);
    }
    gate.open = false;
    gate.uses++;
    return gate;
  }

  private Gate made(Device device) {
    int index = gates.size() < limit ? gates.size() : passed();
    if (index < 0) {
      throw new TransferException(
          ErrorCode.TOO_MANY_REQUESTS,
          limit + " transfers that streams wait for are under way",
          "Wait for some to end, or put more blocks into each");
    }
    Words there = words;
    if (there == null) {
      there = pinned(device);
      words = there;
    }
    MemorySegment word = there.memory.asSlice((long) index * Integer.BYTES, Integer.BYTES);
    long before = device.createEvent();
    try {
      long after = device.createEvent();
      try {
        Gate gate = new Gate(device, word, before, after);
        if (index == gates.size()) {
          gates.add(gate);
          return gate;
        }
        Gate old = gates.set(index, gate);
        gate.uses = old.uses;
        Anyway.run(log, "Destroying an event", () -> old.device.destroyEvent(old.before));
        Anyway.run(log, "Destroying an event", () -> old.device.destroyEvent(old.after));
        return gate;
      } catch (Throwable t) {
        Anyway.run(log, "Destroying an event", () -> device.destroyEvent(after));
        throw t;
      }
    } catch (Throwable t) {
      Anyway.run(log, "Destroying an event", () -> device.destroyEvent(before));
      throw t;
    }
  }

  /** {@return where there is a gate of another device that can be made one of this; -1 if none} */
  private int passed() {
    for (int i = 0; i < gates.size(); i++) {
      if (gates.get(i).isPassed()) {
        return i;
      }
    }
    return -1;
  }

  private static Words pinned(Device device) {
    Arena arena = Arena.ofShared();
    try {
      MemorySegment memory = arena.allocate((long) LIMIT * Integer.BYTES, PAGE);
      device.pin(memory.address(), memory.byteSize());
      return new Words(device, arena, memory);
    } catch (Throwable t) {
      arena.close();
      throw t;
    }
  }

  /**
   * Gives all back. A stream that has not come to its gate yet, or of which that is not known,
   * reads its word later: then the words stay. Idempotent.
   */
  @Override
  public void close() {
    Words there;
    List<Gate> all;
    synchronized (this) {
      there = words;
      words = null;
      closed = true;
      if (there == null) {
        return;
      }
      all = List.copyOf(gates);
      gates.clear();
    }
    long endNanos = System.nanoTime() + END_NANOS;
    boolean passed = true;
    for (Gate each : all) {
      passed &= isPassed(each, endNanos);
    }
    if (!passed) {
      log.warn("A stream has not come to the end of a transfer yet; what it looks at then stays");
      return;
    }
    Failures failures = new Failures();
    for (Gate each : all) {
      if (!each.device.isLost()) {
        failures.attempt(() -> each.device.destroyEvent(each.before));
        failures.attempt(() -> each.device.destroyEvent(each.after));
      }
    }
    if (!there.device.isLost()) {
      failures.attempt(() -> there.device.unpin(there.memory.address()));
      failures.attempt(there.arena::close);
    }
    failures.throwIfAny();
  }

  private boolean isPassed(Gate gate, long endNanos) {
    while (!gate.device.isLost()) {
      synchronized (this) {
        if (gate.isPassed()) {
          return true;
        }
        if (!gate.open || !gate.isTold) {
          return false;
        }
      }
      if (endNanos - System.nanoTime() < 0) {
        return false;
      }
      LockSupport.parkNanos(LOOK_NANOS);
    }
    return true;
  }
}
