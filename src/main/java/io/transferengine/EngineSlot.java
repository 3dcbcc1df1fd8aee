// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** The engine of one {@link TransferEngine}: opened once, closed once. Thread-safe. */
final class EngineSlot {
  private final Lock opening = new ReentrantLock();
  private volatile @Nullable Engine engine;
  private @Nullable Engine ending;
  private boolean closed;

  /** Made at the start, so that throwing it needs no memory. */
  private final NotOpen notOpen = new NotOpen();

  EngineSlot() {}

  /** The engine is not open yet, or closed. */
  static final class NotOpen extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private NotOpen() {
      super("not open", null, false, false);
    }
  }

  /**
   * {@return the engine}
   *
   * @throws NotOpen when there is none
   */
  Engine get() {
    Engine open = engine;
    if (open == null) {
      throw notOpen;
    }
    return open;
  }

  void open(String localHostname, String metadataServer, String protocol, String deviceName) {
    EngineConfig.Builder config =
        EngineConfig.fromEnvironment(localHostname).protocol(protocol).deviceName(deviceName);
    if (!metadataServer.isEmpty()) {
      config.metadataServer(metadataServer);
    }
    // One at a time. close() does not wait for it, since a metadata service may be slow.
    opening.lock();
    try {
      requireOpenable();
      Engine opened = Engine.open(config.requireMetadataServer().build());
      if (!publish(opened)) {
        opened.close();
        requireOpenable();
      }
    } finally {
      opening.unlock();
    }
  }

  private synchronized boolean publish(Engine opened) {
    if (!closed) {
      engine = opened;
    }
    return !closed;
  }

  private synchronized void requireOpenable() {
    if (closed || engine != null) {
      throw new TransferException(
          closed ? ErrorCode.CLOSED : ErrorCode.INVALID_ARGUMENT,
          closed ? "The engine was closed" : "The engine is already initialized",
          "Make another TransferEngine");
    }
  }

  void close() {
    Engine open;
    synchronized (this) {
      closed = true;
      // A second caller waits for the same end.
      open = engine != null ? engine : ending;
      ending = open;
      engine = null;
    }
    try {
      if (open != null) {
        open.close();
      }
    } finally {
      synchronized (this) {
        ending = null;
      }
    }
  }
}
