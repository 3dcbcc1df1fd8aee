// SPDX-License-Identifier: Apache-2.0
package io.transferengine.events;

/**
 * Is told what happens in an engine; see {@code Engine.listen}. Each method does nothing by
 * default, and more may be added.
 *
 * <p>The engine's own threads call it, several at once, and wait until it returns: it must not
 * block. What it throws is logged, and changes nothing.
 */
public interface EngineListener {
  /**
   * A transfer has ended. The engine no longer touches its memory. Called once for each transfer
   * that was accepted, shortly before its end is visible to who waits for it.
   *
   * @param report what has happened to it
   */
  default void transferEnded(TransferReport report) {}
}
