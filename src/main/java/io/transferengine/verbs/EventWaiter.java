// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import java.util.Arrays;
import java.util.List;

/**
 * Where one thread sleeps until one of several contexts has an asynchronous event, or another
 * thread wakes it up. It does not own the contexts' file descriptors; each must be removed before
 * its context is closed.
 */
public final class EventWaiter extends Handle {
  private final VerbsLibrary library;

  /** The wake-up counter's, and then those that were added. Replaced, never changed. */
  private volatile int[] fds;

  /**
   * A waiter with nothing to wait for but a wake-up, to be closed by the caller.
   *
   * @param library the one that the contexts were opened with
   */
  public EventWaiter(VerbsLibrary library) {
    super("event waiter", List.of());
    this.library = library;
    this.fds = new int[] {library.eventfd()};
  }

  /**
   * Waits for one more. Any thread; a wait that is under way ends.
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
   * Waits for one less. Any thread; a wait that is under way ends.
   *
   * @param fd one that was added; else nothing happens
   */
  public synchronized void remove(int fd) {
    int wakeUps = fds[0];
    fds = Arrays.stream(fds).filter(each -> each == wakeUps || each != fd).toArray();
    wakeUp();
  }

  /**
   * Waits until one of the descriptors is readable, for a wake-up, or the time limit. May also
   * return for no reason: ask every context for its events.
   *
   * @param timeoutMillis at most this long; 0 only looks, -1 waits for ever
   * @throws IllegalStateException when closed before the wait; a wait that is under way returns
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
   * Ends the wait that is under way, or the next one at once. Any thread. Does nothing when closed.
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
