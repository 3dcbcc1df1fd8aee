// SPDX-License-Identifier: Apache-2.0
package io.transferengine.events;

/**
 * Is told what happens in an engine; see {@code Engine.listen}. Each method does nothing by
 * default, and more may be added. What they throw is logged, and changes nothing.
 */
public interface EngineListener {
  /**
   * A transfer has ended. The engine no longer touches its memory. Called once for each transfer
   * that was accepted, shortly before its end is visible to who waits for it.
   *
   * <p>The engine's own threads call it, and those of callers that move bytes themselves, several
   * at once. They wait until it returns: it must not block, nor close the engine.
   *
   * @param report what has happened to it
   */
  default void transferEnded(TransferReport report) {}

  /**
   * Something else has happened: a handshake, a registration, a path that came or went, another
   * transport than the preferred one, a refusal, a limit that was reached.
   *
   * <p>One thread calls all listeners of the engine, for one event after another, shortly after
   * they have happened. The engine does not wait for it, but the other listeners do, meters among
   * them: up to 1024 events wait, and further ones are left out and counted ({@code
   * EVENTS_OMITTED}). So are those beyond 100 a second that the same counter counts: strangers
   * decide how many there are.
   *
   * @param event what has happened
   */
  default void happened(EngineEvent event) {}
}
