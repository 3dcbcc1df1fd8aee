// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

/**
 * The few system calls that we need to wait for completions and events, and to find the NUMA node
 * of a page. This is a seam, because a simulated RDMA device has simulated file descriptors.
 *
 * <p>Thread-safe. A failed call throws {@link NativeCallException}.
 */
public interface SystemCalls {
  /**
   * Waits until one of {@code fds} can be read, is at its end or is broken: {@code poll(2)} with
   * {@code POLLIN}. A signal may end the wait early.
   *
   * @param fds file descriptors
   * @param readable set for each of {@code fds}: whether one of these is true; as long as {@code
   *     fds}
   * @param timeoutMillis the longest wait; 0 does not wait, -1 waits for ever
   * @throws NativeCallException if poll fails for another reason than a signal
   */
  void awaitReadable(int[] fds, boolean[] readable, int timeoutMillis);

  /**
   * {@return a new counter that {@link #awaitReadable} can wait for: {@code eventfd(2)},
   * non-blocking, closed on exec} The caller closes it with {@link #close}.
   */
  int eventfd();

  /**
   * Makes an eventfd readable: {@code write(2)} of 1. A counter that is full already stays full.
   *
   * @param eventfd from {@link #eventfd()}
   */
  void signal(int eventfd);

  /**
   * Makes an eventfd unreadable again: {@code read(2)}. Does nothing if it was not readable.
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
   * Makes reads of {@code fd} end at once with EAGAIN if they would block: {@code fcntl(2)} with
   * {@code O_NONBLOCK}.
   *
   * @param fd the descriptor of a completion channel, or of a context's asynchronous events
   */
  void setNonBlocking(int fd);

  /**
   * {@return the NUMA node that holds the page at {@code address}, or a negative errno (-2, ENOENT,
   * for a page that was never touched)} Calls {@code move_pages(2)}, which moves nothing here.
   *
   * @param address any address of this process; it need not be mapped
   * @throws NativeCallException if the kernel has no such call or does not allow it
   */
  int nodeOfPage(long address);
}
