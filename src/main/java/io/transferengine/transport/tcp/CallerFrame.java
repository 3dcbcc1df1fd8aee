// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A buffer in which a caller lays the requests that it sends itself, small bodies and all. Of one
 * thread at a time.
 */
final class CallerFrame implements FrameStream {
  private final int index;

  /** Collected with this, and so with whoever is still sending from it: no pool has to wait. */
  private final MemorySegment memory;

  private int mark;
  private int position;

  CallerFrame(int index, int bytes) {
    this.index = index;
    memory = Arena.ofAuto().allocate(bytes, Long.BYTES);
  }

  /** {@return its place in its pool} */
  int index() {
    return index;
  }

  /** From here on it is empty. */
  void clear() {
    position = 0;
  }

  long address() {
    return memory.address();
  }

  /** {@return how many bytes are laid} */
  int length() {
    return position;
  }

  @Override
  public void begin() {
    mark = position;
  }

  @Override
  public void commit() {}

  @Override
  public void rollBack() {
    position = mark;
  }

  @Override
  public long queuedBytes() {
    return position;
  }

  @Override
  public long reserve(int bytes) {
    if (memory.byteSize() - position < bytes) {
      throw new StagingDry();
    }
    long address = memory.address() + position;
    position += bytes;
    return address;
  }

  @Override
  public void copy(long address, int bytes) {
    MemoryWindow.copy(address, reserve(bytes), bytes);
  }

  /** All of them are copied: no kernel is to look at memory whose transfer may have ended. */
  @Override
  public void body(long address, long bytes, @Nullable Object attachment) {
    copy(address, Math.toIntExact(bytes));
  }
}
