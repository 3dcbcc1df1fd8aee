// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.logging.Anyway;
import io.transferengine.os.NativeCallException;
import io.transferengine.verbs.AsyncEvent;
import io.transferengine.verbs.EventWaiter;
import io.transferengine.verbs.VerbsLibrary;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Handles the events that devices report: a port went down or came up, the device is gone, a GID
 * has changed. One thread handles all devices. It sleeps in poll(2).
 */
final class DeviceMonitor implements Runnable {
  /** Is notified of changes of the devices. */
  interface Listener {
    /** A device can send again. */
    void usable(RdmaNic nic);

    /** A device cannot send, for now or for good. */
    void unusable(RdmaNic nic);

    /** Our descriptor has changed: a device is gone, or has another GID. */
    void devicesChanged();
  }

  private static final Logger log = LoggerFactory.getLogger(DeviceMonitor.class);

  private static final Duration END_LIMIT = Duration.ofSeconds(2);

  /**
   * How often endpoints are checked: whether the peer's second message is late, or the endpoint
   * idle.
   */
  private static final int LOOK_MILLIS = 10_000;

  /** How long a peer has for its second message (protocol section 5.4). */
  private static final long ACK_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(10);

  /**
   * If we have not used an endpoint for this long, we test it with a request of no bytes. Otherwise
   * a peer that has vanished would keep our queue pairs for ever.
   */
  private static final long IDLE_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(60);

  /** After something was thrown: it may be thrown again at once, until there is memory, say. */
  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private final List<RdmaNic> nics;
  private final GidSource gidSource;
  private final Listener listener;
  private final EventWaiter waiter;
  private final Thread thread;
  private volatile boolean stopping;

  /** Failed devices that are handled already; confined to the thread. */
  private final Set<RdmaNic> told = new HashSet<>();

  DeviceMonitor(List<RdmaNic> nics, VerbsLibrary library, GidSource gidSource, Listener listener) {
    this.nics = nics;
    this.gidSource = gidSource;
    this.listener = listener;
    this.waiter = new EventWaiter(library);
    this.thread = Thread.ofPlatform().daemon().name("te-rdma-events").unstarted(this);
    for (RdmaNic nic : nics) {
      waiter.add(nic.device().context().asyncFd());
      nic.device().onFailure(waiter::wakeUp);
    }
  }

  void start() {
    thread.start();
  }

  /** Ends the thread. The devices must still be open. */
  void close() {
    stopping = true;
    waiter.wakeUp();
    boolean interrupted = false;
    try {
      if (!thread.join(END_LIMIT)) {
        log.error("{} has not ended", thread.getName());
      }
    } catch (InterruptedException e) {
      interrupted = true;
    }
    waiter.close();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void run() {
    String what = "Listening to the devices' events";
    Runnable once = this::handleAll;
    while (!stopping) {
      if (!Anyway.run(log, what, once)) {
        LockSupport.parkNanos(PAUSE_NANOS);
      }
    }
  }

  private void handleAll() {
    waiter.await(LOOK_MILLIS);
    for (RdmaNic nic : nics) {
      handleAll(nic);
    }
  }

  private void handleAll(RdmaNic nic) {
    try {
      takeEvents(nic);
    } catch (NativeCallException e) {
      // The others' events are taken all the same.
      log.error("{}: its events cannot be taken: {}", nic, e.getMessage());
    }
    if (nic.isFailed() && !told.contains(nic)) {
      gone(nic);
      told.add(nic);
    }
    lookAfter(nic);
  }

  private void takeEvents(RdmaNic nic) {
    for (Optional<AsyncEvent> event = nic.device().context().takeAsyncEvent();
        event.isPresent();
        event = nic.device().context().takeAsyncEvent()) {
      handle(nic, event.get());
    }
  }

  private void handle(RdmaNic nic, AsyncEvent event) {
    switch (event.type()) {
      case PORT_ACTIVE,
          PORT_ERROR,
          LID_CHANGE,
          CLIENT_REREGISTER,
          SUBNET_MANAGER_CHANGE,
          PARTITION_KEY_CHANGE ->
          portChanged(nic, event);
      case GID_CHANGE -> gidChanged(nic);
      case DEVICE_FATAL, COMPLETION_QUEUE_ERROR -> {
        log.error("{}: {}", nic, event);
        nic.device().fail();
      }
      case QUEUE_PAIR_FATAL, QUEUE_PAIR_REQUEST_ERROR, QUEUE_PAIR_ACCESS_ERROR ->
          // The posted requests, ours or the peer's, complete with an error, which is handled
          // there.
          log.debug("{}: {}", nic, event);
      case COMMUNICATION_ESTABLISHED,
          SEND_QUEUE_DRAINED,
          PATH_MIGRATED,
          PATH_MIGRATION_ERROR,
          SHARED_RECEIVE_QUEUE_ERROR,
          SHARED_RECEIVE_QUEUE_LIMIT,
          LAST_RECEIVE_REACHED,
          WORK_QUEUE_FATAL,
          UNKNOWN ->
          log.debug("{}: {}", nic, event);
    }
  }

  private void portChanged(RdmaNic nic, AsyncEvent event) {
    boolean was = nic.isUsable();
    boolean active = nic.device().refreshPort();
    if (active && !was) {
      log.warn("{}: port {} is active again", nic, nic.device().settings().port());
      nic.workers().forEach(RdmaWorker::resume);
      listener.usable(nic);
    } else if (!active && was) {
      log.warn(
          "{}: port {} is down ({}); transfers go over other devices, or wait",
          nic,
          nic.device().settings().port(),
          event.type());
      listener.unusable(nic);
    }
  }

  private void gidChanged(RdmaNic nic) {
    if (nic.device().refreshGid(gidSource)) {
      log.warn("{}: the GID is now {}", nic, nic.device().gid());
      // Endpoints use the old GID. They end by themselves if it does not work any more.
      listener.devicesChanged();
    }
    portChanged(nic, new AsyncEvent(io.transferengine.verbs.AsyncEventType.GID_CHANGE, 0));
  }

  private void gone(RdmaNic nic) {
    log.error(
        "{}: the device is gone, or one of its workers; the engine goes on without the device. To"
            + " use it again, open a new engine",
        nic);
    listener.devicesChanged();
    listener.unusable(nic);
    for (RdmaEndpoint endpoint : nic.endpoints().all()) {
      endpoint.close("the device is gone");
    }
  }

  private static void lookAfter(RdmaNic nic) {
    long now = System.nanoTime();
    for (RdmaEndpoint endpoint : nic.endpoints().all()) {
      RdmaEndpoint.State state = endpoint.state();
      if (state == RdmaEndpoint.State.WAITING_FOR_ACK
          && now - endpoint.connectedNanos() > ACK_LIMIT_NANOS) {
        // Otherwise a peer that never ends its handshake would keep our queue pairs.
        endpoint.close("the peer never said that it is ready");
      } else if (state == RdmaEndpoint.State.CONNECTED
          && nic.isUsable()
          && now - endpoint.usedNanos() > IDLE_LIMIT_NANOS) {
        var _ = endpoint.probe();
      }
    }
  }
}
