// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

/**
 * The few system calls that waiting for completions and events needs, and where a page of memory
 * lies. A seam, since the file descriptors of a simulated RDMA device are simulated, too.
 *
 * <p>Thread-safe. A failed call throws {@link NativeCallException}.
 */
public interface SystemCalls {
  /**
   * Waits until one of {@code fds} can be read, is at its end or is broken: {@code poll(2)} with
   * {@code POLLIN}. A signal may end the wait early.
   *
   * @param fds file descriptors
   * @param readable set for each of {@code fds}: whether it has something; as long as {@code fds}
   * @param timeoutMillis at most this long; 0 only looks, -1 waits for ever
   * @throws NativeCallException when poll fails for another reason than a signal
   */
  void awaitReadable(int[] fds, boolean[] readable, int timeoutMillis);

  /**
   * {@return a new counter that {@link #awaitReadable} can wait for: {@code eventfd(2)},
   * non-blocking, closed on exec} To be closed by {@link #close}.
   */
  int eventfd();

  /**
   * Makes an eventfd readable: {@code write(2)} of 1. A counter that is full already stays so.
   *
   * @param eventfd from {@link #eventfd()}
   */
  void signal(int eventfd);

  /**
   * Makes an eventfd unreadable again: {@code read(2)}; nothing happens when it was not readable.
   *
   * @param eventfd from {@link #eventfd()}
   */
  void drain(int eventfd);

  /**
   * Closes a file descriptor: {@code close(2)}.
   *
   * @param fd from {@link #eventfd()}
   */
  void close(int fd);

  /**
   * Makes reads of {@code fd} end at once with EAGAIN where they would block: {@code fcntl(2)} with
   * {@code O_NONBLOCK}.
   *
   * @param fd of a completion channel, or of a context's asynchronous events
   */
  void setNonBlocking(int fd);

  /**
   * {@return the NUMA node that holds the page at {@code address}, or a negative errno (-2, ENOENT,
   * for a page that nothing has touched yet)} Asks {@code move_pages(2)} and moves nothing.
   *
   * @param address any address of this process; it need not be mapped
   * @throws NativeCallException when the kernel has no such call or does not allow it
   */
  int nodeOfPage(long address);
}
