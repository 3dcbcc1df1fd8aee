// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;

/**
 * Whether memory of this process can be read, without touching it: the kernel is asked to copy from
 * there. For handles of others, which lead a library to an address.
 */
public final class ReadableMemory {
  private static final int BYTES = 8;

  /** Null where there is no such call. */
  private static final @Nullable ReadableMemory ASKED =
      Platform.isLinux() ? new ReadableMemory(new FfmProcessMemory()) : null;

  private final ProcessMemory memory;
  private final int self = (int) ProcessHandle.current().pid();
  private final IoVectors into = new IoVectors(1);
  private final IoVectors from = new IoVectors(1);

  private ReadableMemory(ProcessMemory memory) {
    this.memory = memory;
    into.add(Arena.global().allocate(BYTES).address(), BYTES);
  }

  /**
   * {@return whether the 8 bytes at an address can be read; true, too, where that cannot be found
   * out} Takes about a microsecond.
   */
  public static boolean isAt(long address) {
    return ASKED == null || ASKED.canRead(address);
  }

  private synchronized boolean canRead(long address) {
    from.clear();
    from.add(address, BYTES);
    return memory.read(self, into, from) != -Errno.EFAULT.number();
  }
}
