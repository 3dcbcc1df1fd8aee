// SPDX-License-Identifier: Apache-2.0
package io.transferengine.buffers;

import io.transferengine.Engine;
import io.transferengine.Registration;
import io.transferengine.RegistrationOptions;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentNavigableMap;
import java.util.concurrent.ConcurrentSkipListMap;
import org.jspecify.annotations.Nullable;

/**
 * Memory of a pool that others have made, each piece registered once. A buffer of each piece is
 * kept until {@link #close}: pools give memory back when its last buffer is released, and tell
 * nobody. It must be one that stays in its piece as long as it is retained: where a library can
 * move a buffer to other memory, however many users it has, that does not keep the piece.
 * Thread-safe.
 */
public final class RegisteredMemory implements AutoCloseable {
  private final Engine engine;
  private final RegistrationOptions options;

  /** Changed under this lock; read without, so that nobody waits for a registration to look. */
  private final ConcurrentNavigableMap<Long, Piece> pieces = new ConcurrentSkipListMap<>();

  private volatile boolean closed;

  private record Piece(Registration registration, CountedBuffer kept) {
    long end() {
      return registration.address() + registration.length();
    }
  }

  /**
   * Registers with an engine.
   *
   * @param engine the engine, which must be closed later than this
   * @param options what peers may do with the memory, and where it is
   */
  public RegisteredMemory(Engine engine, RegistrationOptions options) {
    this.engine = Objects.requireNonNull(engine, "engine must not be null");
    this.options = Objects.requireNonNull(options, "options must not be null");
  }

  /**
   * Registers a piece, unless it is inside one that is registered here already.
   *
   * @param address of the piece
   * @param length of the piece in bytes
   * @param buffer a buffer in it, which is retained if the piece is new; whoever retains it may
   *     refuse, by an exception
   * @return whether it is new
   * @throws TransferException as {@link Engine#register(long, long, RegistrationOptions)}, and when
   *     this is closed
   */
  public boolean register(long address, long length, CountedBuffer buffer) {
    Objects.requireNonNull(buffer, "buffer must not be null");
    return !isKnown(address, length) && registerNew(address, length, buffer);
  }

  private boolean isKnown(long address, long length) {
    if (closed) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT, "These registrations are closed", "Make new ones");
    }
    Map.Entry<Long, Piece> before = pieces.floorEntry(address);
    return before != null && address + length <= before.getValue().end();
  }

  private synchronized boolean registerNew(long address, long length, CountedBuffer buffer) {
    if (isKnown(address, length)) {
      return false; // Somebody else was first.
    }
    buffer.retain();
    @Nullable Registration registration = null;
    try {
      registration = engine.register(address, length, options);
      pieces.put(registration.address(), new Piece(registration, buffer));
      return true;
    } catch (Throwable t) {
      try {
        if (registration != null) {
          registration.close();
        }
        buffer.release();
      } catch (Throwable later) {
        // If the registration could not be ended, the memory stays: peers may still reach it.
        t.addSuppressed(later);
      }
      throw t;
    }
  }

  /** {@return the number of pieces} */
  public int size() {
    return pieces.size();
  }

  /**
   * Ends the registrations and releases the buffers. Idempotent.
   *
   * @throws TransferException if memory is still in use, as {@link Registration#close}. Its buffer
   *     stays retained, and this may be called again
   */
  @Override
  public synchronized void close() {
    closed = true;
    @Nullable RuntimeException first = null;
    for (Piece piece : pieces.values().toArray(new Piece[0])) {
      try {
        piece.registration().close();
        pieces.remove(piece.registration().address());
        piece.kept().release();
      } catch (RuntimeException e) {
        if (first == null) {
          first = e;
        } else {
          first.addSuppressed(e);
        }
      }
    }
    if (first != null) {
      throw first;
    }
  }

  /** {@return how many pieces there are} */
  @Override
  public String toString() {
    return pieces.size() + " pieces of a pool" + (closed ? ", closed" : "");
  }
}
