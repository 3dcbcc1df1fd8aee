// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.ibv_comp_channel;
import io.transferengine.os.NativeCallException;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Where a thread sleeps until one of its completion queues has something, or another thread wakes
 * it up. Closing it ends a wait and closes the queues that use it.
 *
 * <p>How to sleep without missing a completion: {@link CompletionQueue#requestNotification()}, then
 * poll once more, and only when that finds nothing {@link #await}.
 */
public final class CompletionChannel extends Handle {
  private static final int EVENTS = 0;
  private static final int WAKE_UPS = 1;

  private final DeviceHandle device;
  private final MemorySegment handle;
  private final int[] fds;
  private final boolean[] readable = new boolean[2];

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
   * Waits for a completion event, a wake-up, or the time limit, and takes and acknowledges whatever
   * is there. May also return for no reason. One thread only, the one that polls the queues.
   *
   * @param timeoutMillis at most this long; 0 only looks, -1 waits for ever
   * @throws NativeCallException when events cannot be read any more
   * @throws IllegalStateException when closed before the wait; a wait that is under way returns
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
   * Ends the wait that is under way, or the next one at once. Any thread; one system call. Does
   * nothing when closed.
   */
  public void wakeUp() {
    runIfOpen(() -> device.library().signal(fds[WAKE_UPS]));
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
    device.library().signal(fds[WAKE_UPS]);
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
