// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.os.SystemCalls;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * File descriptors that are none: queues of events, and counters as of eventfd. Their numbers are
 * far above what the system gives out, so that one that reaches the system by mistake is refused
 * there.
 */
final class SimulatedFiles implements SystemCalls {
  private static final int FIRST = 1 << 28;

  private final SimulatedFabric fabric;
  private final Map<Integer, Collection<?>> queues = new HashMap<>();
  private final Map<Integer, Boolean> eventfds = new HashMap<>();
  private final Set<Integer> nonBlocking = new HashSet<>();
  private int next = FIRST;

  SimulatedFiles(SimulatedFabric fabric) {
    this.fabric = fabric;
  }

  /** {@return a descriptor that is readable when {@code queue} has something} */
  int open(Collection<?> queue) {
    queues.put(next, queue);
    return next++;
  }

  void closeQueue(int fd) {
    queues.remove(fd);
    nonBlocking.remove(fd);
    fabric.lock.notifyAll();
  }

  /** Reading an empty queue would block for ever, unless this was told. */
  void requireNonBlocking(int fd, String verb) {
    if (!nonBlocking.contains(fd)) {
      throw fabric.violation(verb + " would block: descriptor " + fd + " is not non-blocking");
    }
  }

  /** {@return how many counters would end a wait at once} */
  long signalledEventfds() {
    synchronized (fabric.lock) {
      return eventfds.values().stream().filter(signalled -> signalled).count();
    }
  }

  List<String> openEventfds() {
    return eventfds.keySet().stream().map(fd -> "eventfd " + fd).toList();
  }

  private boolean isReadable(int fd) {
    Collection<?> queue = queues.get(fd);
    if (queue != null) {
      return !queue.isEmpty();
    }
    Boolean signalled = eventfds.get(fd);
    if (signalled == null) {
      throw fabric.violation("poll: descriptor " + fd + " is closed");
    }
    return signalled;
  }

  @Override
  public void awaitReadable(int[] fds, boolean[] readable, int timeoutMillis) {
    long limitNanos =
        timeoutMillis < 0 ? Long.MAX_VALUE : TimeUnit.MILLISECONDS.toNanos(timeoutMillis);
    long start = System.nanoTime();
    boolean interrupted = false;
    synchronized (fabric.lock) {
      while (true) {
        boolean any = false;
        for (int i = 0; i < fds.length; i++) {
          readable[i] = isReadable(fds[i]);
          any |= readable[i];
        }
        long left = limitNanos - (System.nanoTime() - start);
        if (any || left <= 0) {
          if (interrupted) {
            Thread.currentThread().interrupt();
          }
          return;
        }
        interrupted |= isInterruptedWhileWaiting(left);
      }
    }
  }

  /** Waits for any change in the fabric. poll(2) knows no interrupts, so one does not end it. */
  private boolean isInterruptedWhileWaiting(long nanos) {
    try {
      TimeUnit.NANOSECONDS.timedWait(fabric.lock, nanos);
      return false;
    } catch (InterruptedException interrupt) {
      return true;
    }
  }

  @Override
  public int eventfd() {
    synchronized (fabric.lock) {
      fabric.faults.admitSystemCall("eventfd");
      eventfds.put(next, false);
      return next++;
    }
  }

  @Override
  public void signal(int eventfd) {
    set(eventfd, true);
  }

  @Override
  public void drain(int eventfd) {
    set(eventfd, false);
  }

  private void set(int eventfd, boolean signalled) {
    synchronized (fabric.lock) {
      if (eventfds.replace(eventfd, signalled) == null) {
        throw fabric.violation("eventfd " + eventfd + " is closed");
      }
      fabric.lock.notifyAll();
    }
  }

  @Override
  public void close(int fd) {
    synchronized (fabric.lock) {
      if (eventfds.remove(fd) == null) {
        throw fabric.violation("close: eventfd " + fd + " is closed already");
      }
      fabric.lock.notifyAll();
    }
  }

  @Override
  public void setNonBlocking(int fd) {
    synchronized (fabric.lock) {
      fabric.faults.admitSystemCall("fcntl");
      if (!queues.containsKey(fd)) {
        throw fabric.violation("fcntl: descriptor " + fd + " is closed");
      }
      nonBlocking.add(fd);
    }
  }

  @Override
  public int nodeOfPage(long address) {
    return 0;
  }
}
