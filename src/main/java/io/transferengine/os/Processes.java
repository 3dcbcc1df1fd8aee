// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import java.util.Optional;

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
   * {@return whether a number is that of a process, and not of one of its threads, and the process
   * belongs to the user of this one} False when that cannot be found out. The kernel takes a
   * thread's number in many places where it wants that of a process.
   */
  boolean isOfOurUser(int pid);

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

  /**
   * A memfd. All of a machine are on one device, where nobody can have files of other kinds with
   * such names.
   *
   * @param device such as {@code 00:01}
   * @param inode which one it is there
   */
  record MemfdFile(String device, long inode) {}

  /**
   * {@return the memfd of which a process has a mapping that begins at an address; empty if it has
   * none there, or that cannot be found out}
   *
   * @param bytes how long the mapping has to be at least; its first byte is the memfd's
   * @param name the memfd's
   */
  Optional<MemfdFile> memfd(int pid, long address, long bytes, String name);

  /** A process that is watched. Thread-safe. */
  interface Watch extends AutoCloseable {
    /** {@return whether each of its threads has ended} After {@link #close}: true. */
    boolean hasEnded();

    @Override
    void close();
  }

  /**
   * {@return a watch of a process; empty if it has ended, or cannot be watched}
   *
   * @param start when it began, by {@link #startOf}
   */
  default Optional<Watch> watch(int pid, long start) {
    return Optional.empty();
  }

  /** {@return why nothing can be found out just now, and what to do about it; empty if it can} */
  default Optional<String> blindness() {
    return Optional.empty();
  }

  /** {@return the number of this process} */
  int own();

  /** {@return which start of which machine this is; empty if it cannot be found out} */
  String bootId();

  /** {@return the number space that numbers of processes are in; 0 if it cannot be found out} */
  long pidNamespace();
}
