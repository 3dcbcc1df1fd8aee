// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.os.NativeCallException;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.verbs.QueuePair;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A device with its workers and its endpoints. Thread-safe. */
final class RdmaNic {
  private static final Logger log = LoggerFactory.getLogger(RdmaNic.class);

  private final RdmaDevice device;
  private final List<RdmaWorker> workers = new ArrayList<>();
  private final AtomicInteger nextWorker = new AtomicInteger();
  private final EndpointStore endpoints;

  /**
   * Takes a device over. The workers do not run yet.
   *
   * @param ending threads on which its queue pairs are stopped and destroyed
   * @throws TransferException if the workers cannot be made; then the device is closed
   */
  RdmaNic(RdmaDevice device, ControlThreads ending) {
    this.device = device;
    try {
      RdmaSettings settings = device.settings();
      int limit = device.attributes().maxQueuePairs() / settings.queuePairsPerEndpoint();
      endpoints =
          new EndpointStore(
              device, Math.clamp(limit, 1, settings.endpointsPerNic()), this::createEndpoint);
      for (int i = 0; i < settings.workersPerNic(); i++) {
        workers.add(new RdmaWorker(device, endpoints, ending, i));
      }
    } catch (NativeCallException e) {
      undo();
      throw device.unusable(e);
    } catch (Throwable t) {
      undo();
      throw t;
    }
  }

  private void undo() {
    workers.forEach(worker -> device.quietly(worker::release));
    device.close();
  }

  RdmaDevice device() {
    return device;
  }

  String name() {
    return device.name();
  }

  EndpointStore endpoints() {
    return endpoints;
  }

  List<RdmaWorker> workers() {
    return workers;
  }

  /** {@return whether the device can send now} */
  boolean isUsable() {
    return device.isUsable();
  }

  /** {@return whether the device is gone for good} */
  boolean isFailed() {
    return device.isFailed();
  }

  /** Makes the queue pairs of an endpoint for the next worker in turn. */
  private RdmaEndpoint createEndpoint(String peerPath) {
    RdmaWorker worker = workers.get(Math.floorMod(nextWorker.getAndIncrement(), workers.size()));
    RdmaSettings settings = device.settings();
    List<QueuePair> made = new ArrayList<>();
    try {
      for (int i = 0; i < settings.queuePairsPerEndpoint(); i++) {
        made.add(
            device
                .protectionDomain()
                .createQueuePair(
                    worker.completionQueue(),
                    Math.min(
                        settings.workRequestsMax(), device.attributes().maxQueuePairWorkRequests()),
                    1, // Receives are never posted.
                    device.rangesMax(),
                    settings.inlineMaxBytes()));
      }
      RdmaEndpoint endpoint = new RdmaEndpoint(device, worker, peerPath, made);
      worker.attach(endpoint);
      return endpoint;
    } catch (NativeCallException e) {
      made.forEach(queuePair -> device.quietly(queuePair::close));
      throw TransferException.withDevice(
          name(),
          ErrorCode.ENDPOINT,
          "no queue pair can be made: " + e.getMessage(),
          "Use fewer peers at once, or lower MC_MAX_EP_PER_CTX so that old endpoints are closed"
              + " first",
          e);
    } catch (Throwable t) {
      made.forEach(queuePair -> device.quietly(queuePair::close));
      throw t;
    }
  }

  void start() {
    workers.forEach(RdmaWorker::start);
  }

  /** Tells all endpoints and workers to end. {@link #awaitEnd} waits for them. */
  void stop() {
    workers.forEach(worker -> device.quietly(worker::stop));
  }

  /**
   * Waits for the workers until {@code endNanos}. Returns whether all have ended, so that no memory
   * is touched any more.
   */
  boolean awaitEnd(long endNanos) {
    boolean ended = true;
    for (RdmaWorker worker : workers) {
      ended &= worker.awaitEnd(endNanos);
    }
    return ended;
  }

  /**
   * Gives everything back. The registrations must be gone before. If a worker has not ended, it
   * still uses its queues and the device, so they stay open until the process ends.
   */
  void close() {
    if (!awaitEnd(System.nanoTime())) {
      log.error(
          "{}: a worker has not ended. Its queues and the device stay open until this process ends,"
              + " since freeing them would crash the process. Please report this",
          name());
      return;
    }
    workers.forEach(worker -> device.quietly(worker::release));
    device.close();
  }

  @Override
  public String toString() {
    return name();
  }
}
