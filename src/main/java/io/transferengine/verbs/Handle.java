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
 * An object of libibverbs that must be destroyed, after all that was made of it: what each typed
 * class shares.
 *
 * <p>libibverbs follows every pointer that it is given. So that no order of Java calls, on whatever
 * threads, hands it one that it has freed:
 *
 * <ul>
 *   <li>a control verb runs inside {@link #use}, which holds the read side of the lock of its
 *       object; the verb that makes a child runs in the parent's;
 *   <li>{@link #close} first marks the object and then takes the write side. From then on no verb
 *       is under way on it, none begins, and no child comes. Then it closes the children, and then
 *       it destroys the object.
 * </ul>
 *
 * <p>The data path takes no lock; it only looks at the mark ({@link #requireOpen}). Posting and
 * polling belong to one thread, and that thread's owner closes.
 */
abstract class Handle implements AutoCloseable {
  private final String name;
  private final List<Handle> parents;
  private final Set<Handle> children = ConcurrentHashMap.newKeySet();
  private final ReentrantReadWriteLock use = new ReentrantReadWriteLock();

  /** Held for the whole of {@link #close}, so that a second closer returns after the first. */
  private final ReentrantLock closing = new ReentrantLock();

  private volatile boolean closed;

  /** The native object is gone, or must not be touched again. Guarded by {@link #closing}. */
  private boolean destroyed;

  /**
   * An object without children.
   *
   * @param name for error texts
   * @param parents what must outlive it; the caller is inside {@link #use} of each
   */
  Handle(String name, List<Handle> parents) {
    this.name = name;
    this.parents = parents;
  }

  /**
   * Makes the parents close this object first. To be called when the native object exists; when it
   * cannot be done, that is destroyed.
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

  /** Destroys the native object. Nothing uses it, and its children are gone. */
  abstract void destroy();

  /** Runs when no new use begins, and before the ones under way are waited for: to wake them up. */
  void onClosing() {}

  /**
   * Runs {@code verb} while the object cannot be destroyed.
   *
   * @throws IllegalStateException when it is closed
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

  /** As {@link #run}, but does nothing when the object is closed. */
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

  /** {@return whether {@link #destroy} may be called once more after it threw} */
  boolean mayDestroyAgain() {
    return false;
  }

  /**
   * Destroys the object, after everything that was made of it. Idempotent; of two threads that
   * close, both return when it is done. Waits for control verbs that are under way.
   *
   * <p>What cannot be destroyed counts as closed nevertheless, and stays with the device until the
   * process ends; a registration until this is called again and succeeds. As long as it is there,
   * what it was made of stays, too: libibverbs would follow its pointer.
   *
   * @throws NativeCallException when a verb failed to destroy this object or one made of it, some
   *     of the later failures as suppressed ones
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
      // Whoever holds the read side came before the mark; when all have left, nobody is inside.
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
