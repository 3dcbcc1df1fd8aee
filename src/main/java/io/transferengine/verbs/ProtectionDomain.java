// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.os.NativeCallException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Supplier;

/**
 * A group of registrations and queue pairs of a device: a queue pair reaches only registrations of
 * its own domain. Closing the domain closes them.
 *
 * <p>Thread-safe. Methods throw {@link IllegalStateException} after {@link #close}.
 */
public final class ProtectionDomain extends Handle {
  private final DeviceHandle device;
  private final MemorySegment handle;

  /** The caller is inside {@code device.use}. */
  ProtectionDomain(DeviceHandle device) {
    super("protection domain of " + device.deviceName(), List.of(device));
    this.device = device;
    this.handle = device.library().allocPd(device.handle());
    adopt();
  }

  /**
   * Lets the device use a range of this process' memory, which stays locked in RAM until the
   * registration is closed. May take long, because the kernel touches every page. Several calls may
   * run at once.
   *
   * @param address the first byte, positive; the memory must stay mapped until the registration is
   *     closed
   * @param lengthBytes at least 1
   * @param accessFlags bits of {@link Access}
   * @return the registration, closed with this domain at the latest
   * @throws IllegalArgumentException if the range is empty or leaves the address space
   * @throws NativeCallException if the device refuses: ENOMEM beyond the limit of locked memory
   *     ({@code ulimit -l}), EFAULT for memory that is not mapped, or not writable although {@code
   *     accessFlags} need it
   */
  public MemoryRegion register(long address, long lengthBytes, int accessFlags) {
    requireRange(address, lengthBytes);
    return register(
        address,
        lengthBytes,
        () -> device.library().regMr(handle, address, lengthBytes, accessFlags));
  }

  /**
   * Lets the device use memory of another device, which a dma-buf stands for. Requests name it by
   * its address, as its owner does.
   *
   * @param address the first byte, positive; the memory must not be freed until the registration is
   *     closed
   * @param lengthBytes at least 1
   * @param offset of the first byte in the dma-buf; in its page it lies as the address does
   * @param fd the dma-buf's descriptor, which may be closed afterwards
   * @param accessFlags bits of {@link Access}
   * @return the registration, closed with this domain at the latest
   * @throws IllegalArgumentException if the range is empty or leaves the address space
   * @throws NativeCallException if the device refuses: EOPNOTSUPP where it cannot reach such memory
   */
  public MemoryRegion registerDmaBuf(
      long address, long lengthBytes, long offset, int fd, int accessFlags) {
    requireRange(address, lengthBytes);
    return register(
        address,
        lengthBytes,
        () -> device.library().regDmabufMr(handle, offset, lengthBytes, address, fd, accessFlags));
  }

  private MemoryRegion register(long address, long lengthBytes, Supplier<MemorySegment> verb) {
    return use(() -> new MemoryRegion(device, this, address, lengthBytes, verb));
  }

  private static void requireRange(long address, long lengthBytes) {
    if (address <= 0 || lengthBytes <= 0 || address > Long.MAX_VALUE - lengthBytes) {
      throw new IllegalArgumentException(
          String.format(
              "No range of memory: address=0x%x, length=%d; both must be positive, and so must"
                  + " the end",
              address, lengthBytes));
    }
  }

  /**
   * Makes a queue pair of the reliable connected kind, which reports all its completions in {@code
   * queue}. A request that succeeds has a completion only if it asked for one.
   *
   * @param queue the queue for its completions; of the same device. Must have room for {@code
   *     maxSendWorkRequests} besides the completions of its other queue pairs.
   * @param maxSendWorkRequests the most requests that may be posted at once, at least 1; the device
   *     may grant more
   * @param maxReceiveWorkRequests the same for receives, at least 0
   * @param maxSge the most scatter/gather elements of a request, at least 1
   * @param maxInlineBytes the most bytes that a request may carry itself, at least 0
   * @return the queue pair in state RESET, closed with this domain or {@code queue} at the latest
   * @throws NativeCallException if the device refuses: EINVAL for more than it can do, ENOMEM
   */
  public QueuePair createQueuePair(
      CompletionQueue queue,
      int maxSendWorkRequests,
      int maxReceiveWorkRequests,
      int maxSge,
      int maxInlineBytes) {
    Ranges.require("send work requests", maxSendWorkRequests, 1, Integer.MAX_VALUE);
    Ranges.require("receive work requests", maxReceiveWorkRequests, 0, Integer.MAX_VALUE);
    Ranges.require("scatter/gather elements", maxSge, 1, Integer.MAX_VALUE);
    Ranges.require("inline bytes", maxInlineBytes, 0, Integer.MAX_VALUE);
    queue.requireOf(device);
    return use(
        () ->
            queue.use(
                () ->
                    new QueuePair(
                        device,
                        this,
                        handle,
                        queue,
                        new QueuePairCapacity(
                            maxSendWorkRequests, maxReceiveWorkRequests, maxSge, maxInlineBytes))));
  }

  @Override
  void destroy() {
    device.library().deallocPd(handle);
  }
}
