// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.logging.Failures;
import io.transferengine.os.NativeCallException;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;

/**
 * An object of libibverbs that must be destroyed, after all objects that were made from it. The
 * base of the typed classes.
 *
 * <p>libibverbs follows every pointer that it gets. These rules ensure that it never gets a pointer
 * that it has freed, in whatever order and on whatever threads Java calls come:
 *
 * <ul>
 *   <li>A control verb runs inside {@link #use} of its object, which holds the read lock. A verb
 *       that makes a child runs inside the parent's.
 *   <li>{@link #close} first marks the object as closed and then takes the write lock. From then on
 *       no verb runs on it, and it gets no more children. Then the children are closed, and then
 *       the object is destroyed.
 * </ul>
 *
 * <p>The data path takes no lock. It only checks the mark ({@link #requireOpen}). One thread posts
 * and polls, and the owner of that thread closes the object.
 */
abstract class Handle implements AutoCloseable {
  private final String name;
  private final List<Handle> parents;
  private final Set<Handle> children = ConcurrentHashMap.newKeySet();
  private final ReentrantReadWriteLock use = new ReentrantReadWriteLock();

  /** Held during all of {@link #close}, so that a second call returns after the first. */
  private final ReentrantLock closing = new ReentrantLock();

  private volatile boolean closed;

  /** The native object is gone, or must not be touched again. Guarded by {@link #closing}. */
  private boolean destroyed;

  /**
   * Creates an object without children.
   *
   * @param name its name for error texts
   * @param parents the objects that must exist longer; the caller is inside {@link #use} of each
   */
  Handle(String name, List<Handle> parents) {
    this.name = name;
    this.parents = parents;
  }

  /**
   * Makes the parents close this object first. Call it when the native object exists. If this
   * fails, the native object is destroyed.
   */
  final void adopt() {
    try {
      parents.forEach(parent -> parent.children.add(this));
    } catch (Throwable t) {
      parents.forEach(parent -> parent.children.remove(this));
      destroy();
      throw t;
    }
  }

  /** Destroys the native object. Nothing uses it any more, and its children are gone. */
  abstract void destroy();

  /**
   * Wakes up uses under way. {@link #close} calls it before it waits for them; no new use can
   * begin.
   */
  void onClosing() {}

  /**
   * Runs {@code verb} while the object cannot be destroyed.
   *
   * @throws IllegalStateException if it is closed
   */
  final <T> T use(Supplier<T> verb) {
    use.readLock().lock();
    try {
      requireOpen();
      return verb.get();
    } finally {
      use.readLock().unlock();
    }
  }

  /** As {@link #use}, for a verb without a result. */
  final void run(Runnable verb) {
    use(
        () -> {
          verb.run();
          return true;
        });
  }

  /** As {@link #run}, but does nothing if the object is closed. */
  final void runIfOpen(Runnable verb) {
    use.readLock().lock();
    try {
      if (!closed) {
        verb.run();
      }
    } finally {
      use.readLock().unlock();
    }
  }

  final void requireOpen() {
    if (closed) {
      throw new IllegalStateException(this + " is closed");
    }
  }

  /** {@return whether {@link #destroy} may be called again after it threw} */
  boolean mayDestroyAgain() {
    return false;
  }

  /**
   * Destroys the object, after all objects that were made from it. Idempotent. If two threads call
   * it, both return when it is done. Waits for control verbs under way.
   *
   * <p>An object that cannot be destroyed counts as closed all the same. It stays with the device
   * until the process ends; a registration stays until another call succeeds. While it exists, the
   * objects that it was made from stay too, because libibverbs would follow its pointers to them.
   *
   * @throws NativeCallException if this object, or one made from it, could not be destroyed; some
   *     of the later failures are suppressed in it
   */
  @Override
  public void close() {
    closing.lock();
    try {
      if (destroyed) {
        return;
      }
      if (!closed) {
        closed = true;
        onClosing();
      }
      Failures failures = new Failures();
      // Holders of the read lock came before the mark. When we have the write lock, all have left.
      use.writeLock().lock();
      try {
        children.forEach(child -> failures.attempt(child::close));
        if (children.isEmpty()) {
          failures.attempt(this::destroyOnce);
        }
      } finally {
        use.writeLock().unlock();
      }
      if (destroyed) {
        parents.forEach(parent -> parent.children.remove(this));
      }
      failures.throwIfAny();
    } finally {
      closing.unlock();
    }
  }

  private void destroyOnce() {
    destroyed = true;
    try {
      destroy();
    } catch (NativeCallException refused) {
      destroyed = !mayDestroyAgain();
      throw refused;
    }
  }

  @Override
  public String toString() {
    return name;
  }
}
