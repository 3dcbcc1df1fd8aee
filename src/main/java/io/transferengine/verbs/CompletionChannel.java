// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.ibv_comp_channel;
import io.transferengine.os.NativeCallException;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A thread sleeps here until one of its completion queues has a completion, or another thread wakes
 * it up. Closing it ends a wait and closes the queues that use it.
 *
 * <p>To sleep without missing a completion, call {@link CompletionQueue#requestNotification()},
 * poll once more, and call {@link #await} only if that finds nothing.
 */
public final class CompletionChannel extends Handle {
  private static final int EVENTS = 0;
  private static final int WAKE_UPS = 1;

  private final DeviceHandle device;
  private final MemorySegment handle;
  private final int[] fds;
  private final boolean[] readable = new boolean[2];

  /** Made in advance: a wake-up has to come also while memory is short. */
  private final Runnable signal = this::signal;

  /** The caller is inside {@code device.use}. */
  CompletionChannel(DeviceHandle device) {
    super("completion channel of " + device.deviceName(), List.of(device));
    this.device = device;
    VerbsLibrary library = device.library();
    this.handle = library.createCompChannel(device.handle());
    try {
      int events = ibv_comp_channel.fd(handle);
      library.setNonBlocking(events);
      this.fds = new int[] {events, library.eventfd()};
    } catch (Throwable failure) {
      library.destroyCompChannel(handle);
      throw failure;
    }
    adopt();
  }

  /**
   * Waits for a completion event, a wake-up, or the time limit. Takes and acknowledges all events.
   * May also return for no reason. For one thread; another one may poll the queues meanwhile.
   *
   * @param timeoutMillis the longest wait; 0 does not wait, -1 waits for ever
   * @throws NativeCallException if events cannot be read any more
   * @throws IllegalStateException if it was closed before the wait; a wait under way returns
   */
  public void await(int timeoutMillis) {
    run(
        () -> {
          VerbsLibrary library = device.library();
          library.awaitReadable(fds, readable, timeoutMillis);
          if (readable[WAKE_UPS]) {
            library.drain(fds[WAKE_UPS]);
          }
          if (readable[EVENTS]) {
            acknowledgeEvents(library);
          }
        });
  }

  private void acknowledgeEvents(VerbsLibrary library) {
    while (true) {
      MemorySegment queue = library.getCqEvent(handle);
      if (queue.address() == 0) {
        return;
      }
      library.ackCqEvents(queue, 1);
    }
  }

  /**
   * Ends the wait under way, or else the next one at once. For any thread; one system call. Does
   * nothing if it is closed.
   */
  public void wakeUp() {
    runIfOpen(signal);
  }

  private void signal() {
    device.library().signal(fds[WAKE_UPS]);
  }

  void requireOf(DeviceHandle other) {
    if (device != other) {
      throw new IllegalArgumentException(this + " does not belong to " + other);
    }
  }

  MemorySegment handle() {
    return handle;
  }

  @Override
  void onClosing() {
    signal();
  }

  @Override
  void destroy() {
    try {
      device.library().close(fds[WAKE_UPS]);
    } finally {
      device.library().destroyCompChannel(handle);
    }
  }
}
