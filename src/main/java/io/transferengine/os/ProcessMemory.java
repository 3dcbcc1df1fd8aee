// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

/**
 * Copies between our memory and that of another process, or our own by its number. A seam: tests
 * stop the copies.
 *
 * <p>The kernel goes through both lists in order. It stops at the first range of either that it
 * cannot copy, and then says how much it has copied before; of that range it may have copied a
 * part. No address is too bad for it: there is a result, and no signal.
 *
 * <p>Thread-safe; a list belongs to one thread at a time.
 */
public interface ProcessMemory {
  /**
   * Copies out of another process: {@code process_vm_readv(2)}.
   *
   * @param into ranges of ours
   * @param from ranges of the process, of as many bytes
   * @return how many bytes were copied; if there were none, the negative {@link Errno}: EFAULT for
   *     an address, ESRCH for a process that is gone, EPERM for one that we may not read
   */
  long read(int pid, IoVectors into, IoVectors from);

  /**
   * Copies into another process: {@code process_vm_writev(2)}.
   *
   * @param from ranges of ours
   * @param to ranges of the process, of as many bytes
   * @return as {@link #read}
   */
  long write(int pid, IoVectors from, IoVectors to);
}
