// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.ibv_mr;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Supplier;

/**
 * A range of memory that one device may use. It is only a handle: {@code memory.Region} counts the
 * requests that use the range. If this handle is closed during a request, that request fails.
 *
 * <p>Thread-safe. All methods may be called after {@link #close} too. If a device refused to end
 * the registration, another {@link #close} tries again.
 */
public final class MemoryRegion extends Handle {
  private final DeviceHandle device;
  private final MemorySegment handle;
  private final long address;
  private final long lengthBytes;
  private final int localKey;
  private final int remoteKey;

  /**
   * The caller is inside {@code domain.use} and has checked the range.
   *
   * @param verb registers the range
   */
  MemoryRegion(
      DeviceHandle device,
      Handle domain,
      long address,
      long lengthBytes,
      Supplier<MemorySegment> verb) {
    super(
        String.format("registration 0x%x+%d with %s", address, lengthBytes, device.deviceName()),
        List.of(domain));
    this.device = device;
    this.address = address;
    this.lengthBytes = lengthBytes;
    this.handle = verb.get();
    this.localKey = ibv_mr.lkey(handle);
    this.remoteKey = ibv_mr.rkey(handle);
    adopt();
  }

  /** {@return the arguments of {@code ibv_reg_mr}, for an error text} */
  static String describe(long address, long lengthBytes, int accessFlags) {
    return String.format("addr=0x%x, length=%d, access=0x%x", address, lengthBytes, accessFlags);
  }

  /** {@return the first byte's address} */
  public long address() {
    return address;
  }

  /** {@return the length in bytes, at least 1} */
  public long lengthBytes() {
    return lengthBytes;
  }

  /** {@return the key for our own requests; may be any 32 bits} */
  public int localKey() {
    return localKey;
  }

  /** {@return the key for peers' requests; may be any 32 bits} */
  public int remoteKey() {
    return remoteKey;
  }

  @Override
  void destroy() {
    device.library().deregMr(handle);
  }

  /** It may: the provider frees its part of a registration only after the kernel has ended it. */
  @Override
  boolean mayDestroyAgain() {
    return true;
  }
}
