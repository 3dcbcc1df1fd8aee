// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import java.util.Arrays;
import java.util.List;

/**
 * One thread sleeps here until one of several contexts has an asynchronous event, or another thread
 * wakes it up. It does not own the contexts' file descriptors: each must be removed before its
 * context is closed.
 */
public final class EventWaiter extends Handle {
  private final VerbsLibrary library;

  /**
   * The descriptor of the wake-up counter, then those that were added. The array is replaced, never
   * changed.
   */
  private volatile int[] fds;

  /**
   * Creates a waiter without contexts, which the caller closes.
   *
   * @param library the library that the contexts were opened with
   */
  public EventWaiter(VerbsLibrary library) {
    super("event waiter", List.of());
    this.library = library;
    this.fds = new int[] {library.eventfd()};
  }

  /**
   * Adds a context to wait for. For any thread. A wait under way ends.
   *
   * @param fd {@link Context#asyncFd}
   */
  public synchronized void add(int fd) {
    int[] more = Arrays.copyOf(fds, fds.length + 1);
    more[fds.length] = fd;
    fds = more;
    wakeUp();
  }

  /**
   * Removes a context. For any thread. A wait under way ends.
   *
   * @param fd a descriptor that was added; nothing happens if it was not
   */
  public synchronized void remove(int fd) {
    int wakeUps = fds[0];
    fds = Arrays.stream(fds).filter(each -> each == wakeUps || each != fd).toArray();
    wakeUp();
  }

  /**
   * Waits for an event of a context, a wake-up, or the time limit. May also return for no reason:
   * the caller asks every context for its events.
   *
   * @param timeoutMillis the longest wait; 0 does not wait, -1 waits for ever
   * @throws IllegalStateException if it was closed before the wait; a wait under way returns
   */
  public void await(int timeoutMillis) {
    run(
        () -> {
          int[] waitFor = fds;
          boolean[] readable = new boolean[waitFor.length];
          library.awaitReadable(waitFor, readable, timeoutMillis);
          if (readable[0]) {
            library.drain(waitFor[0]);
          }
        });
  }

  /**
   * Ends the wait under way, or else the next one at once. For any thread. Does nothing if it is
   * closed.
   */
  public void wakeUp() {
    runIfOpen(() -> library.signal(fds[0]));
  }

  @Override
  void onClosing() {
    library.signal(fds[0]);
  }

  @Override
  void destroy() {
    library.close(fds[0]);
  }
}
