// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.ibv_async_event;
import io.transferengine.bindings.ibv_context;
import io.transferengine.bindings.ibv_device_attr;
import io.transferengine.bindings.ibv_gid;
import io.transferengine.bindings.ibv_port_attr;
import io.transferengine.os.NativeCallException;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/**
 * An open device, which makes all other objects of the device. Closing it closes them.
 *
 * <p>Thread-safe. Methods throw {@link IllegalStateException} after {@link #close}.
 */
public final class Context extends DeviceHandle {
  private static final int GID_BYTES = 16;

  private final int asyncFd;

  private Context(VerbsLibrary library, String deviceName, MemorySegment handle) {
    super(library, deviceName, handle);
    this.asyncFd = ibv_context.async_fd(handle);
    library.setNonBlocking(asyncFd);
  }

  /**
   * Opens a device.
   *
   * @param library the real library, or a simulator
   * @param deviceName one of {@link Device#names}
   * @return the open device, which the caller closes
   * @throws TransferException if there is no device of this name
   * @throws NativeCallException if the device cannot be opened
   */
  public static Context open(VerbsLibrary library, String deviceName) {
    MemorySegment handle = Device.open(library, deviceName);
    try {
      return new Context(library, deviceName, handle);
    } catch (Throwable failure) {
      library.closeDevice(handle);
      throw failure;
    }
  }

  /** {@return the device's limits, queried now} */
  public DeviceAttributes queryDevice() {
    return use(
        () -> {
          try (Arena arena = Arena.ofConfined()) {
            MemorySegment attributes = ibv_device_attr.allocate(arena);
            library().queryDevice(handle(), attributes);
            return DeviceAttributes.of(attributes);
          }
        });
  }

  /**
   * {@return a port's state, queried now}
   *
   * @param port 1 to 255
   */
  public PortAttributes queryPort(int port) {
    Ranges.require("port", port, 1, 0xff);
    return use(
        () -> {
          try (Arena arena = Arena.ofConfined()) {
            MemorySegment attributes = ibv_port_attr.allocate(arena);
            library().queryPort(handle(), port, attributes);
            return PortAttributes.of(attributes);
          }
        });
  }

  /**
   * {@return the 16 bytes of a GID, queried now; all zeros for an entry that is not in use}
   *
   * @param port 1 to 255
   * @param index 0 to 65535, below the port's {@link PortAttributes#gidTableLength}
   */
  public byte[] queryGid(int port, int index) {
    Ranges.require("port", port, 1, 0xff);
    Ranges.require("GID index", index, 0, 0xffff);
    return use(
        () -> {
          try (Arena arena = Arena.ofConfined()) {
            MemorySegment gid = ibv_gid.allocate(arena);
            library().queryGid(handle(), port, index, gid);
            return gid.asSlice(0, GID_BYTES).toArray(ValueLayout.JAVA_BYTE);
          }
        });
  }

  /** {@return a new protection domain, closed with this context at the latest} */
  public ProtectionDomain allocateProtectionDomain() {
    return use(() -> new ProtectionDomain(this));
  }

  /** {@return a new completion channel, closed with this context at the latest} */
  public CompletionChannel createCompletionChannel() {
    return use(() -> new CompletionChannel(this));
  }

  /**
   * {@return a new completion queue, closed with this context or {@code channel} at the latest}
   *
   * @param entries the completions that it must have room for, at least 1; if it overflows, the
   *     queue and its queue pairs are dead
   * @param channel the channel for its events; of this context
   * @param turn from 0 up: queues in a row with numbers in a row have different interrupts, as far
   *     as the device has several, so that different processors are interrupted
   */
  public CompletionQueue createCompletionQueue(int entries, CompletionChannel channel, int turn) {
    Ranges.require("completion queue entries", entries, 1, Integer.MAX_VALUE);
    channel.requireOf(this);
    Ranges.require("turn", turn, 0, Integer.MAX_VALUE);
    return use(
        () -> {
          int vector = turn % Math.max(1, ibv_context.num_comp_vectors(handle()));
          return channel.use(() -> completionQueue(entries, channel, vector));
        });
  }

  /**
   * Any will do, and one that a driver has no interrupt for is no reason to do without the device.
   */
  private CompletionQueue completionQueue(int entries, CompletionChannel channel, int vector) {
    try {
      return new CompletionQueue(this, channel, entries, vector);
    } catch (NativeCallException noSuchInterrupt) {
      if (vector == 0) {
        throw noSuchInterrupt;
      }
      return new CompletionQueue(this, channel, entries, 0);
    }
  }

  /** {@return the file descriptor that is readable if there is an asynchronous event} */
  public int asyncFd() {
    return asyncFd;
  }

  /**
   * Takes and acknowledges one asynchronous event. Never blocks.
   *
   * @return the event; empty if there is none
   * @throws NativeCallException if events cannot be read any more, as after the device was removed
   */
  public Optional<AsyncEvent> takeAsyncEvent() {
    return use(
        () -> {
          try (Arena arena = Arena.ofConfined()) {
            MemorySegment event = ibv_async_event.allocate(arena);
            if (!library().getAsyncEvent(handle(), event)) {
              return Optional.empty();
            }
            try {
              return Optional.of(read(event));
            } finally {
              library().ackAsyncEvent(event);
            }
          }
        });
  }

  private AsyncEvent read(MemorySegment event) {
    AsyncEventType type = AsyncEventType.of(ibv_async_event.event_type(event));
    MemorySegment element = ibv_async_event.element(event);
    return new AsyncEvent(
        type,
        switch (type.element()) {
          case PORT -> ibv_async_event.element.port_num(element);
          case QUEUE_PAIR -> queuePairNumber(ibv_async_event.element.qp(element));
          case DEVICE, COMPLETION_QUEUE, OTHER -> 0;
        });
  }
}
