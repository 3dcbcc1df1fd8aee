// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.net.Event;
import io.transferengine.net.WaitingThreads;
import io.transferengine.os.LifeWord;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The word of this engine by which peers see that the process lives, and the thread that holds it;
 * or none. Peers without it ask the kernel after each copy.
 */
final class OurLife {
  private static final Logger log = LoggerFactory.getLogger(OurLife.class);

  /** What the thread does at its end are some system calls. */
  private static final long END_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final @Nullable LifeWord word;
  private final Event begun = new Event();
  private final Event over = new Event();
  private final Event gone = new Event();
  private volatile boolean held;

  private OurLife(@Nullable LifeWord word) {
    this.word = word;
  }

  /** {@return one that an area tells of; without a word, where the kernel or a limit forbids it} */
  static OurLife begin(Area area, long incarnation) {
    LifeWord word;
    try {
      word = LifeWord.of(AreaLayout.lifeName(incarnation));
    } catch (Throwable t) {
      return without(t);
    }
    OurLife made = new OurLife(word);
    boolean started = false;
    try {
      var _ = WaitingThreads.start("te-local-life", () -> made.hold(word));
      started = true;
      made.begun.awaitUninterruptibly(Long.MAX_VALUE);
      if (made.held) {
        area.publish(word);
      }
      return made;
    } catch (Throwable t) {
      if (started) {
        made.end();
      } else {
        word.discard();
      }
      throw t;
    }
  }

  private static OurLife without(Throwable why) {
    log.debug("Peers ask the kernel after each copy whether this process lives", why);
    return new OurLife(null);
  }

  private void hold(LifeWord mine) {
    try {
      mine.hold();
      held = true;
      begun.happen();
      over.awaitUninterruptibly(Long.MAX_VALUE);
    } catch (Throwable notHere) {
      // Such as by a container's filter: as if there were no word.
    } finally {
      giveBack(mine);
    }
  }

  private void giveBack(LifeWord mine) {
    try {
      if (held) {
        mine.release();
      } else {
        mine.discard();
      }
    } finally {
      gone.happen();
      begun.happen();
    }
  }

  /** Ends the thread. Peers that still look ask the kernel. */
  void end() {
    if (word != null) {
      over.happen();
      boolean _ = gone.awaitUninterruptibly(END_NANOS);
    }
  }
}
