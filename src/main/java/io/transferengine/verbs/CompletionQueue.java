// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.ibv_cq;
import io.transferengine.os.NativeCallException;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A queue in which queue pairs report requests that have ended. Closing it closes these queue
 * pairs.
 *
 * <p>One thread at a time polls and asks for notifications. It must not do so while another thread
 * closes the queue.
 */
public final class CompletionQueue extends Handle {
  private final DeviceHandle device;
  private final DataPath dataPath;
  private final MemorySegment handle;
  private final int capacity;

  /** The caller is inside {@code use} of both. */
  CompletionQueue(DeviceHandle device, CompletionChannel channel, int entries, int vector) {
    super("completion queue of " + device.deviceName(), List.of(device, channel));
    this.device = device;
    this.dataPath = device.dataPath();
    this.handle = device.library().createCq(device.handle(), entries, channel.handle(), vector);
    this.capacity = ibv_cq.cqe(handle);
    adopt();
  }

  /** {@return the number of completions that it has room for: as many as asked for, or more} */
  public int capacity() {
    return capacity;
  }

  /**
   * Takes the completions that are there, in their order, as many as {@code into} has room for.
   * Does not block and does not allocate.
   *
   * @param into overwritten from index 0
   * @return the number of completions taken
   * @throws NativeCallException if the queue is broken, as after an overflow
   */
  public int poll(WorkCompletions into) {
    requireOpen();
    int count = dataPath.pollCq(handle, into.capacity(), into.segment());
    if (count < 0) {
      throw new NativeCallException("ibv_poll_cq", this + ", returned " + count, -count);
    }
    return count;
  }

  /**
   * Asks for one event on the channel when the next completion arrives. Completions that are there
   * already cause no event: poll once more afterwards.
   *
   * @throws NativeCallException if the device refuses
   */
  public void requestNotification() {
    requireOpen();
    int errno = dataPath.reqNotifyCq(handle, 0);
    if (errno != 0) {
      throw new NativeCallException("ibv_req_notify_cq", this + ", solicited_only=0", errno);
    }
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
  void destroy() {
    device.library().destroyCq(handle);
  }
}
