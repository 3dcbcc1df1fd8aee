// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.logging.Anyway;
import io.transferengine.metrics.EngineMetrics;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.verbs.Context;
import io.transferengine.verbs.DeviceAttributes;
import io.transferengine.verbs.PortAttributes;
import io.transferengine.verbs.PortState;
import io.transferengine.verbs.ProtectionDomain;
import io.transferengine.verbs.QueuePair;
import io.transferengine.verbs.VerbsException;
import io.transferengine.verbs.VerbsLibrary;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An opened device: its context, its protection domain, its workers and its endpoints. Thread-safe.
 */
final class RdmaNic {
  private static final Logger log = LoggerFactory.getLogger(RdmaNic.class);

  private final String name;
  private final int index;
  private final RdmaSettings settings;
  private final EngineMetrics metrics;
  private final ControlThreads teardown;
  private final Context context;
  private final DeviceAttributes device;
  private final ProtectionDomain protectionDomain;
  private final List<RdmaWorker> workers = new ArrayList<>();
  private final AtomicInteger nextWorker = new AtomicInteger();
  private final EndpointStore endpoints;
  private final List<LocalGid> gids;
  private volatile PortAttributes port;
  private volatile LocalGid gid;
  private volatile boolean portActive;
  private volatile boolean failed;
  private volatile Runnable failureListener = () -> {};

  /** Whether queue pairs were ever connected with our GID. */
  private volatile boolean gidProven;

  private int gidRetries;

  /**
   * Opens a device; its workers do not run yet.
   *
   * @param index its place among ours
   * @throws TransferException when it cannot be used
   */
  RdmaNic(
      VerbsLibrary library,
      String name,
      int index,
      RdmaSettings settings,
      EngineMetrics metrics,
      GidSource gidSource,
      ControlThreads teardown) {
    this.name = name;
    this.teardown = teardown;
    this.index = index;
    this.settings = settings;
    this.metrics = metrics;
    Context opened = null;
    ProtectionDomain domain = null;
    try {
      opened = Context.open(library, name);
      device = opened.queryDevice();
      port = opened.queryPort(settings.port());
      portActive = port.state() == PortState.ACTIVE;
      gids = gidSource.ranked(name, settings.port(), settings.gidIndex());
      gid = gids.getFirst();
      domain = opened.allocateProtectionDomain();
      int limit = device.maxQueuePairs() / settings.queuePairsPerEndpoint();
      endpoints = new EndpointStore(this, Math.clamp(limit, 1, settings.endpointsPerNic()));
      for (int i = 0; i < settings.workersPerNic(); i++) {
        workers.add(new RdmaWorker(this, opened, i));
      }
    } catch (VerbsException e) {
      undo(domain, opened);
      throw TransferException.withDevice(
          name,
          ErrorCode.CONTEXT,
          String.valueOf(e.getMessage()),
          "./te doctor shows what the device can do; MC_TE_FILTERS leaves it out",
          e);
    } catch (Throwable t) {
      undo(domain, opened);
      throw t;
    }
    this.context = opened;
    this.protectionDomain = domain;
  }

  private void undo(
      @org.jspecify.annotations.Nullable ProtectionDomain domain,
      @org.jspecify.annotations.Nullable Context opened) {
    workers.forEach(worker -> quietly(worker::release));
    if (domain != null) {
      quietly(domain::close);
    }
    if (opened != null) {
      quietly(opened::close);
    }
  }

  private void quietly(Runnable close) {
    try {
      close.run();
    } catch (VerbsException e) {
      log.warn("{}: {}", name, e.getMessage());
    } catch (Throwable t) {
      Anyway.failed(log, name, t);
    }
  }

  String name() {
    return name;
  }

  int index() {
    return index;
  }

  RdmaSettings settings() {
    return settings;
  }

  EngineMetrics metrics() {
    return metrics;
  }

  /** {@return the threads on which its queue pairs are stopped and destroyed} */
  ControlThreads teardown() {
    return teardown;
  }

  Context context() {
    return context;
  }

  DeviceAttributes device() {
    return device;
  }

  ProtectionDomain protectionDomain() {
    return protectionDomain;
  }

  EndpointStore endpoints() {
    return endpoints;
  }

  List<RdmaWorker> workers() {
    return workers;
  }

  PortAttributes port() {
    return port;
  }

  LocalGid gid() {
    return gid;
  }

  /** {@return whether it can send now} */
  boolean isUsable() {
    return portActive && !failed;
  }

  /** {@return whether the device is gone for good} */
  boolean isFailed() {
    return failed;
  }

  /** The device reported that it is gone, or a worker of it has ended. */
  void fail() {
    failed = true;
    failureListener.run();
  }

  /** Whoever is to notice a failure; must not block. */
  void onFailure(Runnable listener) {
    failureListener = listener;
  }

  /**
   * Looks at the port again.
   *
   * @return whether it is active
   */
  boolean refreshPort() {
    try {
      port = context.queryPort(settings.port());
      portActive = port.state() == PortState.ACTIVE;
    } catch (VerbsException e) {
      log.warn("{}: {}", name, e.getMessage());
      portActive = false;
    }
    return portActive;
  }

  /**
   * Looks at the GIDs again.
   *
   * @return whether ours is another one now
   */
  boolean refreshGid(GidSource source) {
    try {
      LocalGid now = source.ranked(name, settings.port(), settings.gidIndex()).getFirst();
      boolean changed = !now.equals(gid);
      gid = now;
      return changed;
    } catch (TransferException e) {
      log.warn("{}: no GID can be used any more: {}", name, e.getMessage());
      return false;
    }
  }

  /** Our GID is good: queue pairs have been connected with it. */
  void gidWorks() {
    gidProven = true;
  }

  /**
   * Turns to the next best GID, because the kernel would not connect queue pairs with this one
   * (protocol section 5.4, step 9).
   *
   * @return whether there is another one to try
   */
  synchronized boolean tryNextGid() {
    if (gidProven || gidRetries >= Math.min(settings.gidRetries(), gids.size() - 1)) {
      return false;
    }
    gidRetries++;
    gid = gids.get(gidRetries);
    log.warn("{}: queue pairs do not connect with the GID chosen; trying {}", name, gid);
    return true;
  }

  /** Makes the queue pairs of an endpoint, on the next worker in turn. */
  RdmaEndpoint createEndpoint(String peerPath) {
    RdmaWorker worker = workers.get(Math.floorMod(nextWorker.getAndIncrement(), workers.size()));
    List<QueuePair> made = new ArrayList<>();
    try {
      for (int i = 0; i < settings.queuePairsPerEndpoint(); i++) {
        made.add(
            protectionDomain.createQueuePair(
                worker.completionQueue(),
                Math.min(settings.workRequestsMax(), device.maxQueuePairWorkRequests()),
                1, // Receives are never posted.
                Math.min(settings.sgeMax(), device.maxSge()),
                settings.inlineMaxBytes()));
      }
      RdmaEndpoint endpoint = new RdmaEndpoint(this, worker, peerPath, made);
      worker.attach(endpoint);
      return endpoint;
    } catch (VerbsException e) {
      made.forEach(queuePair -> quietly(queuePair::close));
      throw TransferException.withDevice(
          name,
          ErrorCode.ENDPOINT,
          "no queue pair can be made: " + e.getMessage(),
          "Talk to fewer peers at once, or lower MC_MAX_EP_PER_CTX so that old endpoints make room",
          e);
    } catch (Throwable t) {
      made.forEach(queuePair -> quietly(queuePair::close));
      throw t;
    }
  }

  void start() {
    workers.forEach(RdmaWorker::start);
  }

  /** Has all endpoints and workers end; {@link #close} waits for them. */
  void stop() {
    workers.forEach(worker -> quietly(worker::stop));
  }

  /** {@return whether all workers have ended, so that no memory is touched, at the latest then} */
  boolean awaitEnd(long endNanos) {
    boolean ended = true;
    for (RdmaWorker worker : workers) {
      ended &= worker.awaitEnd(endNanos);
    }
    return ended;
  }

  /**
   * Gives everything back, once the registrations are gone. A worker that has not ended still posts
   * and polls through what would be freed here: then all of it stays until the process ends.
   */
  void close() {
    if (!awaitEnd(System.nanoTime())) {
      log.error(
          "{}: a worker has not ended. Its queues and the device stay open until this process ends,"
              + " since freeing what it works on would crash the process. Please report this",
          name);
      return;
    }
    workers.forEach(worker -> quietly(worker::release));
    quietly(protectionDomain::close);
    quietly(context::close);
  }

  @Override
  public String toString() {
    return name;
  }
}
