// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

/**
 * Memory of a device as a file of the kernel, which a network card can be given. It begins at a
 * page, so that offsets within it are those of addresses from {@link #start}.
 *
 * <p>Not thread-safe, save for {@link #descriptor} and {@link #offsetOf}.
 */
public final class DmaBuf implements AutoCloseable {
  private final DeviceLibrary library;
  private final int descriptor;
  private final long start;
  private boolean closed;

  DmaBuf(DeviceLibrary library, int descriptor, long start) {
    this.library = library;
    this.descriptor = descriptor;
    this.start = start;
  }

  /** {@return the descriptor, open until this is closed} */
  public int descriptor() {
    return descriptor;
  }

  /** {@return where an address of the range is in the file} */
  public long offsetOf(long address) {
    return address - start;
  }

  /** Closes the descriptor. Registrations keep what they need. Idempotent. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      library.closeDmaBuf(descriptor);
    }
  }
}
