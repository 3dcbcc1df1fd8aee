// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.invoke.VarHandle;

/**
 * Watches a process by its {@link LifeWord}, and asks the kernel only when that has changed.
 *
 * <p>Why that is exact: the kernel changes the word while the process ends, before any other watch
 * can see the end, and nothing changes it back. So a process whose word is as it was has not ended.
 * A changed word says nothing (the engine that had it may have been closed), and then it is as if
 * there were none. The other process can lie, as by a word that it does not have the kernel change:
 * about its own end only, and to those who copy from and to its own memory.
 */
public final class LifeWatch implements Processes.Watch {
  private static final VarHandle WORD = JAVA_INT.varHandle();

  private final SharedMapping mapping;
  private final int living;
  private final Processes.Watch kernel;

  private LifeWatch(SharedMapping mapping, Processes.Watch kernel) {
    this.mapping = mapping;
    this.kernel = kernel;
    this.living = word();
  }

  /**
   * {@return one that closes the other in the end}
   *
   * @param pid the process that {@code kernel} watches
   * @param fd the descriptor that it has of the word's memfd
   * @param file which one that has to be, by the mappings of the process
   * @param kernel is asked now whether the process lived until now, so that {@code file} is its own
   * @throws NativeCallException if there is no such word, others could write to it, or the process
   *     has ended; the other watch stays open then
   */
  public static LifeWatch of(int pid, int fd, Processes.MemfdFile file, Processes.Watch kernel) {
    SharedMapping mapping = SharedMapping.toRead(pid, fd, file, LifeWord.bytes());
    boolean made = false;
    try {
      LifeWatch watch = new LifeWatch(mapping, kernel);
      if (watch.living == 0
          || (watch.living & ~LifeWord.FUTEX_TID_MASK) != 0
          || kernel.hasEnded()) {
        throw new NativeCallException("futex", "a word that nobody holds", Errno.ESRCH.number());
      }
      made = true;
      return watch;
    } finally {
      if (!made) {
        mapping.close();
      }
    }
  }

  private int word() {
    return (int) WORD.getVolatile(mapping.memory(), LifeWord.WORD_AT);
  }

  /**
   * {@inheritDoc} What the caller has read and written of the process's memory before has happened
   * before the look: neither a read of it may come later, nor a write still be on its way.
   */
  @Override
  public boolean hasEnded() {
    VarHandle.fullFence();
    try {
      if (word() == living) {
        return false;
      }
    } catch (IllegalStateException closed) {
      // Then so is the other, or will be.
    }
    return kernel.hasEnded();
  }

  @Override
  public void close() {
    try {
      mapping.close();
    } finally {
      kernel.close();
    }
  }
}
