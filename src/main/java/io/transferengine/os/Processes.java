// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

/**
 * What becomes of other processes. Numbers of processes are used again; a process is the one that
 * has a number and began at a time. A seam. Thread-safe.
 */
public interface Processes {
  /**
   * {@return when a process began, in clock ticks since the machine's start; -1 if there is none of
   * that number, or it cannot be looked at}
   */
  long startOf(int pid);

  /**
   * {@return whether each thread of a process has ended, so that it touches no memory any more}
   * False when that cannot be found out.
   *
   * @param start when it began, by {@link #startOf}
   */
  boolean hasEnded(int pid, long start);

  /**
   * {@return whether each thread of a process was found stopped (SIGSTOP) now} Such a thread is
   * outside of any system call. False when that cannot be found out.
   */
  boolean isStopped(int pid);

  /** {@return the number of this process} */
  int own();

  /** {@return which start of which machine this is; empty if it cannot be found out} */
  String bootId();

  /** {@return the number space that numbers of processes are in; 0 if it cannot be found out} */
  long pidNamespace();
}
