// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoEventLoop;
import io.netty.channel.IoEventLoopGroup;
import io.netty.channel.IoHandler;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.FastThreadLocal;
import io.netty.util.concurrent.ThreadAwareExecutor;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * An event loop whose turns callers make who wait for what is on it: so the answer to a caller
 * wakes that caller, or finds it looking, and no other thread. At other times it is as any other.
 *
 * <p>Whoever makes a turn is the loop's thread as long as it does, for Netty and for all that is
 * confined to the loop. {@link LoopLease} says who that is. What is under way on the loop and has
 * no caller any more, its own thread goes on with.
 */
final class SharedLoop extends SteadyLoop {
  /** Something on the loop, as far as its thread has to know. On the loop. */
  interface Watched {
    /** {@return whether nothing is under way there} */
    boolean isQuiet();
  }

  private final Queue<Runnable> tasks;
  private final LoopLease lease;
  private final Sockets sockets;

  private final BooleanSupplier needed = new Needed();
  private final Runnable look = new Look();

  // On the loop.
  private final List<Watched> watched = new ArrayList<>();

  /** What a caller has left before it was quiet. */
  private @Nullable Watched left;

  /** Whether Netty had something for the caller's thread before, by the application's doing. */
  private boolean isUsersNetty;

  /** Has Netty make its handler, before the loop itself is made. */
  private static final class Made implements IoHandlerFactory {
    final LoopLease lease = new LoopLease();
    final Queue<Runnable> tasks = newTaskQueue0(Integer.MAX_VALUE);
    private final IoHandlerFactory handlers;
    private @Nullable Sockets sockets;

    Made(IoHandlerFactory handlers) {
      this.handlers = handlers;
    }

    @Override
    public IoHandler newHandler(ThreadAwareExecutor executor) {
      Sockets made = new Sockets(handlers.newHandler(executor), lease);
      sockets = made;
      return made;
    }

    @Override
    public boolean isChangingThreadSupported() {
      return handlers.isChangingThreadSupported();
    }
  }

  private SharedLoop(IoEventLoopGroup parent, Start start, Made made) {
    super(parent, start, made, made.tasks);
    tasks = made.tasks;
    lease = made.lease;
    if (made.sockets == null) {
      throw new IllegalStateException("Netty has made no handler");
    }
    sockets = made.sockets;
    sockets.loop = this;
  }

  /** {@return a group of one such loop; its thread is a daemon and starts with the first work} */
  static EventLoopGroup group(IoHandlerFactory factory) {
    return new MultiThreadIoEventLoopGroup(
        1, new DefaultThreadFactory("te-tcp-callers", true), factory) {
      @Override
      protected IoEventLoop newChild(
          Executor executor, IoHandlerFactory handlers, Object... unused) {
        return new SharedLoop(this, new Start(executor), new Made(handlers));
      }
    };
  }

  @Override
  public boolean inEventLoop(Thread thread) {
    Thread holder = lease == null ? null : lease.caller();
    return holder == null ? super.inEventLoop(thread) : holder == thread;
  }

  // ---- callers

  /** {@return whether the loop is this thread's, until it leaves it} Never waits. */
  boolean take() {
    boolean isUsers;
    try {
      // Before: this takes memory.
      isUsers = FastThreadLocal.size() > 0;
    } catch (Throwable t) {
      return false;
    }
    if (lease.take()) {
      isUsersNetty = isUsers;
      return true;
    }
    if (lease.want()) {
      sockets.wakeup();
    }
    return false;
  }

  /** {@return what makes one turn that does not sleep} For who has the loop. */
  Runnable look() {
    return look;
  }

  /**
   * Makes one turn, which sleeps if there is nothing to do. For who has the loop; throws nothing.
   *
   * @param untilNanos by {@link System#nanoTime}; it sleeps no longer
   */
  void sleep(long untilNanos) {
    sockets.untilNanos = untilNanos;
    sockets.maySleep = true;
    look.run();
    sockets.maySleep = false;
  }

  /** Leaves it: until this is quiet its own thread keeps the loop. Throws nothing. */
  void leave(Watched used) {
    forgetNetty();
    boolean isQuiet = used.isQuiet();
    left = isQuiet ? null : used;
    lease.leave(isQuiet && watched.isEmpty(), delayNanos(System.nanoTime()), needed);
  }

  /** What Netty keeps for a thread would keep its class loader alive as long as the caller. */
  private void forgetNetty() {
    if (!isUsersNetty) {
      try {
        FastThreadLocal.removeAll();
      } catch (Throwable t) {
        // No memory for the list of them; what there is of them is gone all the same.
      }
    }
  }

  private final class Look implements Runnable {
    @Override
    public void run() {
      try {
        turn();
      } catch (Throwable t) {
        // By something else on the loop, perhaps: it is no end of what the caller waits for.
        goOn(t);
      }
    }
  }

  // ---- on the loop

  /** Its own thread keeps the loop until this is quiet. */
  void watch(Watched busy) {
    watched.add(busy);
  }

  // ---- its own thread

  @Override
  void rest() {
    try {
      if (mayRest() && !needed.getAsBoolean()) {
        lease.rest(delayNanos(System.nanoTime()), needed);
      }
    } catch (Throwable t) {
      goOn(t);
    }
  }

  private boolean mayRest() {
    if (left != null && left.isQuiet()) {
      left = null;
    }
    for (int i = watched.size() - 1; i >= 0; i--) {
      if (watched.get(i).isQuiet()) {
        watched.remove(i);
      }
    }
    return lease.isWanted() && left == null && watched.isEmpty();
  }

  private final class Needed implements BooleanSupplier {
    @Override
    public boolean getAsBoolean() {
      return !tasks.isEmpty() || isShuttingDown();
    }
  }

  @Override
  public String toString() {
    return "shared, now " + lease;
  }

  /** Its sockets. */
  private static final class Sockets extends HandlerAround {
    private final LoopLease lease;
    private @Nullable SharedLoop loop;

    // Of who has the loop.
    private boolean maySleep;
    private long untilNanos;

    Sockets(IoHandler sockets, LoopLease lease) {
      super(sockets);
      this.lease = lease;
    }

    @Override
    public void wakeup() {
      super.wakeup();
      lease.wakeIfFree();
    }

    private boolean isCallers() {
      return lease.caller() != null;
    }

    @Override
    public boolean canBlock() {
      boolean may = isCallers() ? maySleep : loop == null || !loop.mayRest();
      return may && super.canBlock();
    }

    @Override
    public long delayNanos(long currentTimeNanos) {
      long delay = super.delayNanos(currentTimeNanos);
      return isCallers() ? Math.max(0, Math.min(delay, untilNanos - currentTimeNanos)) : delay;
    }

    @Override
    public long deadlineNanos() {
      // Any number that was not the last one: by it the kernel's clock is found to be set already.
      return isCallers() ? untilNanos : super.deadlineNanos();
    }
  }
}
