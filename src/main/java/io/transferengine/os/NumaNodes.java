// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

/** Finds the NUMA node of a page. */
public final class NumaNodes {
  private NumaNodes() {}

  /**
   * {@return the NUMA node that holds the page at {@code address}; -1 if the page was never
   * touched, is not mapped, or the kernel does not tell}
   *
   * @param system the system calls to use
   * @param address any address of this process
   */
  public static int nodeOf(SystemCalls system, long address) {
    try {
      return Math.max(-1, system.nodeOfPage(address));
    } catch (NativeCallException notAllowed) {
      // Containers often forbid move_pages. A node is only a hint, so this is not a failure.
      return -1;
    }
  }
}
