// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.events.EngineEvent;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.TransferTask;
import io.transferengine.wire.SegmentDescriptor;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends the endpoints of a worker, and cuts off a transfer without ending an endpoint.
 *
 * <p><b>Cutting off.</b> A transfer may have its outcome while requests of it are still posted.
 * They cannot be taken back from a queue pair, except by moving it to the error state, which would
 * hit the requests of all other transfers on it. So we wait for them while the queue pair makes
 * progress. The requests before them are bounded ({@code RdmaWorker.QUEUE_MAX_BYTES}), and if a
 * peer does not answer, the device itself gives up.
 *
 * <p><b>The end.</b> The queue pairs go to the error state, which flushes the posted requests. When
 * the last flushed request has completed, or if that takes too long, the queue pairs are destroyed.
 * After that the device touches no memory for them, and only then requests are given back to their
 * tasks, or failed. Both verbs may wait for the device's firmware, so they run on control threads:
 *
 * <pre>
 * worker   begin: no more posting      last flushed completion    settle: give back, forget
 *              '-> control: ERR             '-> control: destroy -'
 * </pre>
 *
 * <p>Confined to the worker's thread. The endpoint ends whatever a step throws.
 */
final class EndpointEnds {
  /** The worker's thread, to which all of this is confined. */
  interface Loop {
    /** Runs a command on the worker's thread, in the order of the calls. Any thread may call it. */
    void execute(Runnable command);

    /** Notes that {@code requests} requests are not posted any more. */
    void released(int requests);

    /** Logs what was thrown. The caller ends the endpoint or transfer that it hit. */
    void survived(String what, Throwable t);
  }

  private static final Logger log = LoggerFactory.getLogger(EndpointEnds.class);

  /**
   * Flushing takes microseconds. If a device does not flush, its queue pairs are destroyed after
   * this time.
   */
  private static final long DRAIN_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(2);

  /** How often a transfer that is being cut off is checked. */
  private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  /**
   * A queue pair without a completion for this long is stuck: if a peer does not answer, the device
   * itself gives up after 0.6 s (the timers of protocol section 9.1).
   */
  private static final long SILENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(800);

  /**
   * After this time a transfer is cut off even if that harms others. Together with the drain above
   * it ends before the 5 s after which an unsettled transfer counts as a bug.
   */
  private static final long CUT_OFF_NANOS = TimeUnit.SECONDS.toNanos(2);

  private final Loop loop;
  private final RdmaDevice device;
  private final EndpointStore known;
  private final ControlThreads control;
  private final SlotTable slots;
  private final WorkerTimers timers;
  private final Set<RdmaEndpoint> endpoints = new LinkedHashSet<>();

  EndpointEnds(
      Loop loop,
      RdmaDevice device,
      EndpointStore known,
      ControlThreads control,
      SlotTable slots,
      WorkerTimers timers) {
    this.loop = loop;
    this.device = device;
    this.known = known;
    this.control = control;
    this.slots = slots;
    this.timers = timers;
  }

  /** Takes an endpoint over. It belongs to the worker from now on. */
  void attach(RdmaEndpoint endpoint) {
    try {
      endpoints.add(endpoint);
      endpoint.queues().forEach(queue -> slots.place(endpoint, queue));
    } catch (Throwable t) {
      loop.survived("Taking an endpoint over", t);
      begin(endpoint, "it has no place at its worker", Optional.of(WorkErrors.localFault()));
      destroyHere(endpoint);
    }
  }

  // ---- cutting off

  /** Settles the posted requests of a task soon, without harm to others if possible. */
  void cutOff(RdmaEndpoint endpoint, TransferTask task) {
    endpoint.dequeue(task);
    if (endpoint.holds(task)) {
      long now = System.nanoTime();
      look(endpoint, task, now, now, endpoint.completedCount());
    }
  }

  private void look(
      RdmaEndpoint endpoint, TransferTask task, long since, long movedNanos, long completed) {
    if (endpoint.isClosing() || !endpoint.holds(task)) {
      return;
    }
    long now = System.nanoTime();
    boolean moved = endpoint.completedCount() != completed;
    long lastMove = moved ? now : movedNanos;
    if (now - since > CUT_OFF_NANOS || now - lastMove > SILENCE_NANOS) {
      device
          .metrics()
          .happened(
              EngineEvent.Kind.PATH_DOWN,
              Counter.RDMA_ENDPOINTS_CUT_OFF,
              SegmentDescriptor.RDMA,
              endpoint.peerPath(),
              "a transfer over it was cut off");
      begin(endpoint, "a transfer over it was cut off", Optional.empty());
      return;
    }
    try {
      timers.after(
          LOOK_NANOS, () -> look(endpoint, task, since, lastMove, endpoint.completedCount()));
    } catch (Throwable t) {
      // Without the timer nobody would check again.
      begin(endpoint, "a transfer over it was cut off", Optional.empty());
      throw t;
    }
  }

  /** Ends every endpoint that holds requests of a task, which should have been settled long ago. */
  void force(TransferTask task) {
    for (RdmaEndpoint endpoint : List.copyOf(endpoints)) {
      if (endpoint.holds(task)) {
        log.error(
            "{} is closed by force, with {} requests of {} bytes posted on it{}: a task was not"
                + " settled in time, which is a bug. Please report it",
            endpoint,
            endpoint.postedCount(),
            endpoint.postedBytes(),
            endpoint.isClosing() ? ", while it ends" : "");
        begin(endpoint, "a transfer over it was not settled in time", Optional.empty());
        destroy(endpoint);
      }
    }
  }

  // ---- the end

  /** {@return what begins the end of an endpoint that is not at fault, to be run on its worker} */
  Runnable closing(RdmaEndpoint endpoint, String reason) {
    return new Closing(endpoint, reason);
  }

  /** A class, as a lambda that is linked in a full heap may be lost for ever (ADR 41). */
  private final class Closing implements Runnable {
    private final RdmaEndpoint endpoint;
    private final String reason;

    Closing(RdmaEndpoint endpoint, String reason) {
      this.endpoint = endpoint;
      this.reason = reason;
    }

    @Override
    public void run() {
      begin(endpoint, reason, Optional.empty());
    }
  }

  /**
   * Begins the end of an endpoint.
   *
   * @param failure present if the path to the peer is at fault
   */
  void begin(RdmaEndpoint endpoint, String reason, Optional<TransferException> failure) {
    if (!endpoint.beginClosing()) {
      return;
    }
    if (failure.isPresent()) {
      device
          .metrics()
          .happened(
              EngineEvent.Kind.PATH_DOWN,
              Counter.RDMA_PATHS_LOST,
              SegmentDescriptor.RDMA,
              endpoint.peerPath(),
              String.valueOf(failure.get().getMessage()));
    }
    try {
      timers.after(DRAIN_LIMIT_NANOS, () -> destroy(endpoint));
      leave(endpoint);
      log.debug("{} ends: {}", endpoint, reason);
      if (!endpoint.isDrained()) {
        control.run(() -> toError(endpoint));
      }
    } catch (Throwable t) {
      loop.survived("Ending " + endpoint.peerPath(), t);
      destroyHere(endpoint);
    }
    try {
      endpoint.sender().ifPresent(sender -> sender.ended(endpoint, failure));
    } catch (Throwable t) {
      loop.survived("Reporting an endpoint's end", t);
    }
    if (endpoint.isDrained()) {
      destroy(endpoint);
    }
  }

  /** Removes an endpoint from the store and takes no more requests for it. */
  private void leave(RdmaEndpoint endpoint) {
    known.remove(endpoint);
    endpoint.dequeueAll();
  }

  private static void toError(RdmaEndpoint endpoint) {
    for (SendQueue each : endpoint.queues()) {
      try {
        each.queuePair.toError();
      } catch (Throwable t) {
        // Either nothing is flushed, and the time limit destroys it; or it is destroyed already.
        log.debug("{}: {}", endpoint.peerPath(), t.toString());
      }
    }
  }

  /** Notes that the worker has taken a completion of an endpoint that ends. */
  void completed(RdmaEndpoint endpoint) {
    if (endpoint.isDrained()) {
      destroy(endpoint);
    }
  }

  private void destroy(RdmaEndpoint endpoint) {
    if (!endpoint.beginDestroying()) {
      if (endpoint.state() == RdmaEndpoint.State.DESTROYED) {
        settle(endpoint); // Its control thread could not report the end.
      }
      return;
    }
    try {
      Runnable settle = () -> settle(endpoint);
      control.run(
          () -> {
            destroyQueuePairs(endpoint);
            loop.execute(settle);
          });
    } catch (Throwable t) {
      loop.survived("Destroying the queue pairs to " + endpoint.peerPath(), t);
      destroyHere(endpoint);
    }
  }

  private void destroyHere(RdmaEndpoint endpoint) {
    leave(endpoint);
    boolean _ = endpoint.beginDestroying();
    destroyQueuePairs(endpoint);
    settle(endpoint);
  }

  /** Runs on any thread. Waits if another thread destroys them. */
  private static void destroyQueuePairs(RdmaEndpoint endpoint) {
    for (SendQueue each : endpoint.queues()) {
      try {
        each.queuePair.close();
      } catch (Throwable t) {
        log.error(
            "{}: a queue pair could not be destroyed; it may still touch memory",
            endpoint.peerPath(),
            t);
      }
    }
    endpoint.destroyed();
  }

  /** Settles the requests that were posted; the queue pairs are destroyed. */
  private void settle(RdmaEndpoint endpoint) {
    if (!endpoints.remove(endpoint)) {
      return;
    }
    List<TransferTask> returned = endpoint.returned();
    int again = 0;
    List<SendQueue> queues = endpoint.queues();
    for (int i = 0; i < queues.size(); i++) {
      SendQueue each = queues.get(i);
      loop.released(each.ring.size());
      again += each.settleAll(returned);
      slots.remove(each);
    }
    device.metrics().add(Counter.REQUESTS_RESENT, again);
    endpoint.probed(false);
    endpoint.closed();
    for (int i = 0; i < returned.size(); i++) {
      requeue(endpoint, returned.get(i));
    }
    returned.clear();
  }

  /** Each by itself: one that cannot go on keeps none of the others. */
  private void requeue(RdmaEndpoint endpoint, TransferTask task) {
    try {
      endpoint.sender().ifPresent(sender -> sender.requeue(task));
    } catch (Throwable t) {
      loop.survived("Sending requests again", t);
      task.end(TransferState.FAILED, WorkErrors.localFault(), FailureCause.LOCAL);
    }
  }

  /** Ends all endpoints at once, on this thread, because the worker ends. */
  void endAll() {
    for (RdmaEndpoint endpoint : List.copyOf(endpoints)) {
      try {
        boolean _ = endpoint.beginClosing();
        leave(endpoint);
        endpoint.sender().ifPresent(sender -> sender.ended(endpoint, Optional.empty()));
        destroyHere(endpoint);
      } catch (Throwable t) {
        log.error("Ending {} failed", endpoint.peerPath(), t);
      }
    }
  }
}
