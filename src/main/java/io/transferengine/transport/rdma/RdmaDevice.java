// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.logging.Anyway;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.os.NativeCallException;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.verbs.CompletionChannel;
import io.transferengine.verbs.CompletionQueue;
import io.transferengine.verbs.Context;
import io.transferengine.verbs.DeviceAttributes;
import io.transferengine.verbs.PortAttributes;
import io.transferengine.verbs.PortState;
import io.transferengine.verbs.ProtectionDomain;
import io.transferengine.verbs.VerbsLibrary;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An opened device: its context, its protection domain, and the state of its port and its GID. It
 * does not know the threads and queue pairs that use it ({@link RdmaNic}). Thread-safe.
 */
final class RdmaDevice {
  private static final Logger log = LoggerFactory.getLogger(RdmaDevice.class);

  private final String name;
  private final int index;
  private final RdmaSettings settings;
  private final EngineMetrics metrics;
  private final DeviceArrivals arrivals;
  private final Context context;
  private final DeviceAttributes attributes;
  private final ProtectionDomain protectionDomain;
  private final List<LocalGid> gids;
  private volatile PortAttributes port;
  private volatile LocalGid gid;
  private volatile boolean portActive;
  private volatile boolean failed;
  private volatile Runnable failureListener = () -> {};

  /** Whether any queue pair was connected with our GID. */
  private volatile boolean gidProven;

  private int gidRetries;

  /**
   * Opens a device.
   *
   * @param index its index among our devices
   * @throws TransferException if it cannot be used
   */
  RdmaDevice(
      VerbsLibrary library,
      String name,
      int index,
      RdmaSettings settings,
      EngineMetrics metrics,
      GidSource gidSource,
      DeviceArrivals arrivals) {
    this.name = name;
    this.index = index;
    this.settings = settings;
    this.metrics = metrics;
    this.arrivals = arrivals;
    Context opened = null;
    try {
      opened = Context.open(library, name);
      attributes = opened.queryDevice();
      port = opened.queryPort(settings.port());
      portActive = port.state() == PortState.ACTIVE;
      gids = gidSource.ranked(name, settings.port(), settings.gidIndex());
      gid = gids.getFirst();
      protectionDomain = opened.allocateProtectionDomain();
    } catch (NativeCallException e) {
      undo(opened);
      throw unusable(e);
    } catch (Throwable t) {
      undo(opened);
      throw t;
    }
    this.context = opened;
  }

  private void undo(@Nullable Context opened) {
    if (opened != null) {
      quietly(opened::close);
    }
  }

  /** {@return the error for the opener of the engine if a device refused a call} */
  TransferException unusable(NativeCallException e) {
    return TransferException.withDevice(
        name,
        ErrorCode.CONTEXT,
        String.valueOf(e.getMessage()),
        "./te doctor shows what the device can do; MC_TE_FILTERS leaves it out",
        e);
  }

  /** Gives something of the device back. If that throws, it is logged. */
  void quietly(Runnable close) {
    quietly(name, close);
  }

  /**
   * Gives something of a device back. If that throws, it is logged.
   *
   * @param what the words before the cause in the log
   */
  static void quietly(String what, Runnable close) {
    try {
      close.run();
    } catch (NativeCallException e) {
      log.warn("{}: {}", what, e.getMessage());
    } catch (Throwable t) {
      Anyway.failed(log, what, t);
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

  DeviceArrivals arrivals() {
    return arrivals;
  }

  EngineMetrics metrics() {
    return metrics;
  }

  Context context() {
    return context;
  }

  DeviceAttributes attributes() {
    return attributes;
  }

  /**
   * {@return a new completion queue of one of its workers} Those of all workers and devices have
   * different interrupts, as far as there are several.
   */
  CompletionQueue createCompletionQueue(CompletionChannel channel, int worker) {
    return context.createCompletionQueue(
        Math.min(settings.completionQueueEntries(), attributes.maxCompletionQueueEntries()),
        channel,
        index * settings.workersPerNic() + worker);
  }

  /** {@return how many ranges of ours a request has that its queue pairs are made for} */
  int rangesMax() {
    return Math.max(1, Math.min(settings.sgeMax(), attributes.maxSge()));
  }

  /** {@return how many ranges of ours a read may have: some devices take fewer there} */
  int readRangesMax() {
    return Math.clamp(attributes.maxReadSge(), 1, rangesMax());
  }

  ProtectionDomain protectionDomain() {
    return protectionDomain;
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

  /** Marks the device as failed: it reported that it is gone, or one of its workers has ended. */
  void fail() {
    failed = true;
    failureListener.run();
  }

  /** Sets the listener for a failure. It must not block. */
  void onFailure(Runnable listener) {
    failureListener = listener;
  }

  /**
   * Queries the port again.
   *
   * @return whether it is active
   */
  boolean refreshPort() {
    try {
      port = context.queryPort(settings.port());
      portActive = port.state() == PortState.ACTIVE;
    } catch (NativeCallException e) {
      log.warn("{}: {}", name, e.getMessage());
      portActive = false;
    }
    return portActive;
  }

  /**
   * Reads the GIDs again.
   *
   * @return whether ours has changed
   */
  boolean refreshGid(GidSource source) {
    try {
      LocalGid now = source.ranked(name, settings.port(), settings.gidIndex()).getFirst();
      boolean changed = !now.equals(gid);
      gid = now;
      return changed;
    } catch (TransferException e) {
      log.warn("{}: there is no usable GID any more: {}", name, e.getMessage());
      return false;
    }
  }

  /** Notes that our GID works: queue pairs have been connected with it. */
  void gidWorks() {
    gidProven = true;
  }

  /**
   * Takes the next best GID, because the kernel did not connect queue pairs with this one (protocol
   * section 5.4, step 9).
   *
   * @return whether there was another GID to take
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

  /** Closes the device. Nothing may use it any more. */
  void close() {
    quietly(protectionDomain::close);
    quietly(context::close);
  }

  @Override
  public String toString() {
    return name;
  }
}
