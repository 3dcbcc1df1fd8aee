// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Whose turn it is to send on a connection: that of its event loop, or that of a caller who found
 * it idle. One word; nobody waits for another.
 *
 * <pre>
 *   LOOP --release--> IDLE --take--> CALLER --begin--> SENDING --finish--> SENT --settle--> LOOP
 *     ^-----claim------'                '---leave--> IDLE
 * </pre>
 *
 * <p>The loop, which cannot wait until a caller has done, leaves a note: that it wants to send
 * (then the caller wakes it), that it has taken note of what the caller sends (ADOPTED: an answer
 * may come before the caller is back from the kernel), that it has no use for the turn (FREE), or
 * that the connection has ended. Once that is noted no caller begins any more.
 */
final class CallerTurn {
  private static final int LOOP = 0;
  private static final int IDLE = 1;
  private static final int CALLER = 2;
  private static final int SENDING = 3;
  private static final int SENT = 4;
  private static final int PHASE = 7;
  private static final int WANTED = 8;
  private static final int ADOPTED = 16;
  private static final int FREE = 32;
  private static final int ENDED = 64;

  private final AtomicInteger word = new AtomicInteger(LOOP);

  /** What a caller has to do when it has done. */
  enum Then {
    NOTHING,
    /** To wake the loop, which waits for the turn. */
    WAKE,
    /** To give back what the connection had for callers: it has ended meanwhile. */
    END
  }

  /** Whether a connection has ended for its callers. */
  enum End {
    /** Not yet: the loop is to note first what was sent, and settle it. */
    NEWS,
    /** Not yet: a caller is handing something to the kernel, and nothing more is to leave. */
    SENDING,
    /** Yes, and the caller who is at work will find it so. */
    LATER,
    /** Yes, and nobody is at work. */
    NOW
  }

  // ---- callers

  /** {@return whether it is the caller's turn now} */
  boolean take() {
    return word.get() == IDLE && word.compareAndSet(IDLE, CALLER);
  }

  /** The caller has nothing to send after all, and has left nothing behind. */
  Then leave() {
    while (true) {
      int now = word.get();
      boolean ended = (now & ENDED) != 0;
      boolean wanted = (now & WANTED) != 0;
      if (word.compareAndSet(now, ended ? LOOP | ENDED : wanted ? LOOP : IDLE)) {
        return ended ? Then.END : wanted ? Then.WAKE : Then.NOTHING;
      }
    }
  }

  /** {@return whether the caller may send now} If not, the connection has ended. */
  boolean begin() {
    while (true) {
      int now = word.get();
      if ((now & ENDED) != 0) {
        return false;
      }
      if (word.compareAndSet(now, now - CALLER + SENDING)) {
        return true;
      }
    }
  }

  /**
   * The caller is back from the kernel.
   *
   * @param whole whether that took everything
   */
  Then finish(boolean whole) {
    while (true) {
      int now = word.get();
      boolean ended = (now & ENDED) != 0;
      boolean wanted = (now & WANTED) != 0 || !whole;
      int next = SENT | (now & ADOPTED);
      if (ended) {
        next = LOOP | ENDED;
      } else if (!wanted && (now & FREE) != 0) {
        next = IDLE;
      }
      if (word.compareAndSet(now, next)) {
        return ended ? Then.END : wanted ? Then.WAKE : Then.NOTHING;
      }
    }
  }

  // ---- the event loop

  /** {@return whether a caller sends or has sent something that the loop has not noted yet} */
  boolean hasNews() {
    int now = word.get();
    int phase = now & PHASE;
    return (phase == SENDING || phase == SENT) && (now & ADOPTED) == 0;
  }

  /** It is noted. */
  void adopted() {
    int now = word.get();
    while (!word.compareAndSet(now, now | ADOPTED)) {
      now = word.get();
    }
  }

  /** {@return whether a caller has done, and the loop has noted what: it is its turn now} */
  boolean settle() {
    return word.get() == (SENT | ADOPTED) && word.compareAndSet(SENT | ADOPTED, LOOP);
  }

  /** {@return whether it is the loop's turn now} Not with news, which are to be noted before. */
  boolean claim() {
    while (true) {
      int now = word.get();
      if ((now & PHASE) == LOOP) {
        return true;
      }
      if (now != IDLE) {
        return false;
      }
      if (word.compareAndSet(IDLE, LOOP)) {
        return true;
      }
    }
  }

  /** {@return whether a caller has the turn, who will wake the loop} */
  boolean want() {
    while (true) {
      int now = word.get();
      int phase = now & PHASE;
      if (phase != CALLER && phase != SENDING) {
        return false;
      }
      if (word.compareAndSet(now, (now | WANTED) & ~FREE)) {
        return true;
      }
    }
  }

  /** The loop has nothing out, and no use for the turn: a caller may have the next one. */
  void release() {
    while (true) {
      int now = word.get();
      int next = now == LOOP ? IDLE : now == (SENDING | ADOPTED) ? now | FREE : now;
      if (next == now || word.compareAndSet(now, next)) {
        return;
      }
    }
  }

  /**
   * Notes that the connection has ended, unless there is something to do before.
   *
   * @param cutOff whether nothing that is sent from now on leaves
   */
  End end(boolean cutOff) {
    while (true) {
      int now = word.get();
      int phase = now & PHASE;
      if (phase == SENT || (phase == SENDING && (now & ADOPTED) == 0)) {
        return End.NEWS;
      }
      if (phase == SENDING && !cutOff) {
        return End.SENDING;
      }
      boolean busy = phase == CALLER || phase == SENDING;
      if (word.compareAndSet(now, busy ? now | ENDED : LOOP | ENDED)) {
        return busy ? End.LATER : End.NOW;
      }
    }
  }

  /**
   * {@return whether a caller has the turn, or has sent something that the loop has not seen yet}
   */
  boolean isBusy() {
    int now = word.get();
    return (now & PHASE) >= CALLER && (now & FREE) == 0;
  }

  @Override
  public String toString() {
    return "turn " + word.get();
  }
}
