// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

/** On which memory controller a page lies. */
public final class NumaNodes {
  private NumaNodes() {}

  /**
   * {@return the NUMA node that holds the page at {@code address}; -1 when nobody has touched the
   * page yet, when it is not mapped, and where the kernel does not say}
   *
   * @param system whom to ask
   * @param address any address of this process
   */
  public static int nodeOf(SystemCalls system, long address) {
    try {
      return Math.max(-1, system.nodeOfPage(address));
    } catch (NativeCallException notAllowed) {
      // Containers often forbid move_pages; a node is a hint, and its absence no failure.
      return -1;
    }
  }
}
