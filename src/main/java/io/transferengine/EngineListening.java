// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.engine.EngineCore;
import io.transferengine.events.EngineListener;
import java.util.concurrent.atomic.AtomicBoolean;

/** Has a listener told what happens in an engine, until this is closed. Thread-safe. */
public final class EngineListening implements AutoCloseable {
  private final EngineCore core;
  private final EngineListener listener;
  private final AtomicBoolean closed = new AtomicBoolean();

  EngineListening(EngineCore core, EngineListener listener) {
    this.core = core;
    this.listener = listener;
    core.events().add(listener);
  }

  /** Ends it. A call that is under way goes on; does not wait for it. Idempotent. */
  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      core.events().remove(listener);
    }
  }
}
