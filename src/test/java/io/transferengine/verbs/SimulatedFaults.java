// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.os.NativeCallException;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * What a test can do to the traffic of a {@link SimulatedFabric}. Without a word from the test, all
 * goes well: requests run soon, in the order of each queue pair, and in any order between them.
 *
 * <p>Thread-safe. What counts down ("the next n") does so over the whole fabric.
 */
public final class SimulatedFaults {
  /** A request that finds no peer fails after this time, unless told otherwise. */
  private static final Duration RETRY_TIME = Duration.ofMillis(50);

  private final SimulatedFabric fabric;

  // All guarded by the fabric's lock.
  long minimalDelayNanos;
  long maximalDelayNanos;
  long retryNanos = RETRY_TIME.toNanos();
  boolean held;
  private long bytesUntilHeld = Long.MAX_VALUE;
  private int completionsToDrop;
  private int requestsToFail;
  private WorkCompletionStatus failure = WorkCompletionStatus.SUCCESS;
  private int postRefusal;
  private int acceptedBeforeRefusal;
  private final Map<String, Integer> systemCallRefusals = new HashMap<>();
  private final Map<String, Throwing> throwing = new HashMap<>();

  private boolean connectingStalls;
  private int stalledCalls;

  private final Set<Link> cuts = new HashSet<>();
  private final Set<Link> noRoutes = new HashSet<>();

  /** Two devices, in no order. */
  private record Link(Set<SimulatedDevice> ends) {
    static Link of(SimulatedDevice one, SimulatedDevice other) {
      Set<SimulatedDevice> ends = new HashSet<>();
      ends.add(one);
      ends.add(other);
      return new Link(ends);
    }
  }

  private record Throwing(int after, int times, Throwable error) {}

  SimulatedFaults(SimulatedFabric fabric) {
    this.fabric = fabric;
  }

  /** Delays each request that is posted from now on by a random time between these. */
  public void delay(Duration least, Duration most) {
    synchronized (fabric.lock) {
      minimalDelayNanos = least.toNanos();
      maximalDelayNanos = most.toNanos();
    }
  }

  /** How long a request that finds no peer is repeated; 50 ms unless set. */
  public void retryTime(Duration time) {
    change(() -> retryNanos = time.toNanos());
  }

  /** Executes no request until {@link #release}. Posting, polling and flushing go on. */
  public void hold() {
    change(() -> held = true);
  }

  /** As {@link #hold}, once requests of so many bytes in all have moved; at once for 0. */
  public void holdAfter(long bytes) {
    change(
        () -> {
          bytesUntilHeld = bytes;
          held = bytes == 0;
        });
  }

  /** {@return whether no request is executed until {@link #release}} */
  public boolean isHeld() {
    synchronized (fabric.lock) {
      return held;
    }
  }

  /** Ends {@link #hold}. */
  public void release() {
    change(
        () -> {
          bytesUntilHeld = Long.MAX_VALUE;
          held = false;
        });
  }

  /** Executes the next {@code count} requests that would report, but loses their completions. */
  public void dropCompletions(int count) {
    change(() -> completionsToDrop = count);
  }

  /**
   * Lets the next {@code count} requests end so. Some of a request's bytes may have moved, as in
   * life; its queue pair is then in state ERROR.
   */
  public void failRequests(WorkCompletionStatus status, int count) {
    if (status == WorkCompletionStatus.SUCCESS) {
      throw new IllegalArgumentException("Success is no failure");
    }
    change(
        () -> {
          failure = status;
          requestsToFail = count;
        });
  }

  /**
   * Lets the next post fail after it took some requests.
   *
   * @param accepted how many it takes; -1 for all, and then it does not say which it refused
   * @param errno with what
   */
  public void refusePost(int accepted, int errno) {
    change(
        () -> {
          acceptedBeforeRefusal = accepted;
          postRefusal = errno;
        });
  }

  /**
   * Lets no queue pair get ready to receive, as where a neighbour does not answer: that is the step
   * of {@code ibv_modify_qp} for which the kernel looks for it.
   */
  public void stallConnecting() {
    change(() -> connectingStalls = true);
  }

  /** {@return how many calls {@link #stallConnecting} keeps waiting} */
  public int stalledCalls() {
    synchronized (fabric.lock) {
      return stalledCalls;
    }
  }

  /** Ends {@link #stallConnecting}. */
  public void endStall() {
    change(() -> connectingStalls = false);
  }

  /**
   * Lets one of the next calls of a verb throw, as when no memory is left around it.
   *
   * @param verb {@code ibv_post_send}, {@code ibv_poll_cq} or {@code ibv_modify_qp}
   * @param after so many calls go well before
   * @param error what is thrown, unchecked; the verb has had no effect
   */
  public void throwFrom(String verb, int after, Throwable error) {
    throwFrom(verb, after, 1, error);
  }

  /** Lets so many calls of a verb throw, one after the other. */
  public void throwFrom(String verb, int after, int times, Throwable error) {
    change(() -> throwing.put(verb, new Throwing(after, times, error)));
  }

  /**
   * Lets the next call of a system call fail.
   *
   * @param call {@code eventfd} or {@code fcntl}
   * @param errno with what
   */
  public void refuseSystemCall(String call, int errno) {
    change(() -> systemCallRefusals.put(call, errno));
  }

  /** Kills a queue pair: an event, and all its requests are flushed. */
  public void killQueuePair(int number) {
    change(() -> fabric.kill(number));
  }

  /** Cuts the link between two devices; requests over it fail after the retry time. */
  public void cut(SimulatedDevice one, SimulatedDevice other) {
    change(() -> cuts.add(Link.of(one, other)));
  }

  /** Mends the link between two devices. */
  public void mend(SimulatedDevice one, SimulatedDevice other) {
    change(() -> cuts.remove(Link.of(one, other)));
  }

  /** Lets the step to RTR between two devices fail with ENETUNREACH, as across two networks. */
  public void refuseRoute(SimulatedDevice one, SimulatedDevice other) {
    change(() -> noRoutes.add(Link.of(one, other)));
  }

  /** Ends {@link #refuseRoute}. */
  public void allowRoute(SimulatedDevice one, SimulatedDevice other) {
    change(() -> noRoutes.remove(Link.of(one, other)));
  }

  private void change(Runnable fault) {
    synchronized (fabric.lock) {
      fault.run();
      fabric.lock.notifyAll();
    }
  }

  // For the simulator; under the fabric's lock.

  void moved(long bytes) {
    if (bytesUntilHeld != Long.MAX_VALUE) {
      bytesUntilHeld -= bytes;
      held |= bytesUntilHeld <= 0;
    }
  }

  boolean isCut(SimulatedDevice one, SimulatedDevice other) {
    return !one.isPortActive() || !other.isPortActive() || cuts.contains(Link.of(one, other));
  }

  void waitWhileConnectingStalls() {
    boolean interrupted = false;
    stalledCalls++;
    while (connectingStalls) {
      try {
        fabric.lock.wait();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    stalledCalls--;
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  void throwIfAsked(String verb) {
    Throwing asked = throwing.isEmpty() ? null : throwing.remove(verb);
    if (asked != null && asked.after > 0) {
      throwing.put(verb, new Throwing(asked.after - 1, asked.times, asked.error));
    } else if (asked != null) {
      if (asked.times > 1) {
        throwing.put(verb, new Throwing(0, asked.times - 1, asked.error));
      }
      if (asked.error instanceof Error error) {
        throw error;
      }
      throw (RuntimeException) asked.error;
    }
  }

  void admitSystemCall(String call) {
    Integer errno = systemCallRefusals.remove(call);
    if (errno != null) {
      throw new NativeCallException(call, "", errno);
    }
  }

  boolean isWithoutRoute(SimulatedDevice one, SimulatedDevice other) {
    return noRoutes.contains(Link.of(one, other));
  }

  /** {@return SUCCESS, or how the request that asks must fail} */
  WorkCompletionStatus takeFailure() {
    if (requestsToFail == 0) {
      return WorkCompletionStatus.SUCCESS;
    }
    requestsToFail--;
    return failure;
  }

  boolean takeDrop() {
    if (completionsToDrop == 0) {
      return false;
    }
    completionsToDrop--;
    return true;
  }

  /** {@return how many requests the post that asks may take; {@code Integer.MAX_VALUE} for all} */
  int takeAccepted() {
    return postRefusal == 0 || acceptedBeforeRefusal < 0
        ? Integer.MAX_VALUE
        : acceptedBeforeRefusal;
  }

  /** {@return what the post that asks must return} */
  int takePostRefusal() {
    int errno = postRefusal;
    postRefusal = 0;
    return errno;
  }
}
