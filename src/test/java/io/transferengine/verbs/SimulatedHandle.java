// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * A native object of the simulator: a real struct, whose members the typed layer reads, and what
 * the simulator knows of it. All fields are guarded by the fabric's lock.
 */
abstract class SimulatedHandle {
  final SimulatedDevice device;
  final String name;
  final MemorySegment struct;

  /** What {@link SimulatedFabric#at} finds it by. */
  final int index;

  /** How many live objects were made of it, or use it. */
  int users;

  boolean destroyed;

  SimulatedHandle(SimulatedDevice device, String kind, MemoryLayout layout) {
    this.device = device;
    this.name = kind + " of " + device;
    this.struct = device.fabric().allocate(layout);
    this.index = device.fabric().add(this);
  }

  @Override
  public String toString() {
    return name;
  }

  /** {@code struct ibv_context}. */
  static final class Context extends SimulatedHandle {
    final Deque<Event> events = new ArrayDeque<>();

    /** An asynchronous event: what verbs.h has in {@code struct ibv_async_event}. */
    record Event(int type, long element) {}

    Context(SimulatedDevice device, MemoryLayout layout) {
      super(device, "context", layout);
    }
  }

  /** {@code struct ibv_pd}. */
  static final class Domain extends SimulatedHandle {
    final Context context;

    Domain(Context context, MemoryLayout layout) {
      super(context.device, "protection domain", layout);
      this.context = context;
    }
  }

  /** {@code struct ibv_comp_channel}. */
  static final class Channel extends SimulatedHandle {
    final Context context;
    final Deque<SimulatedCompletionQueue> events = new ArrayDeque<>();

    Channel(Context context, MemoryLayout layout) {
      super(context.device, "completion channel", layout);
      this.context = context;
    }
  }

  /** {@code struct ibv_mr}. */
  static final class Region extends SimulatedHandle {
    final Domain domain;
    final long address;
    final long lengthBytes;
    final int access;
    int localKey;
    int remoteKey;

    Region(Domain domain, long address, long lengthBytes, int access, MemoryLayout layout) {
      super(domain.device, String.format("registration 0x%x+%d", address, lengthBytes), layout);
      this.domain = domain;
      this.address = address;
      this.lengthBytes = lengthBytes;
      this.access = access;
    }

    boolean covers(long from, int length) {
      return from >= address
          && Integer.toUnsignedLong(length) <= lengthBytes
          && from - address <= lengthBytes - Integer.toUnsignedLong(length);
    }

    boolean allows(int flags) {
      return (access & flags) == flags;
    }
  }
}
