// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoEventLoop;
import io.netty.channel.IoEventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SingleThreadIoEventLoop;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.transferengine.logging.WarnLimiter;
import java.util.AbstractQueue;
import java.util.Iterator;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An event loop that goes on, whatever is thrown in it.
 *
 * <p>Netty's own logs what a task or a connection throws, and ends for good if the logging throws,
 * too, as it does in a full heap: its connections stand still then, and all work for it waits for
 * ever. This one differs in three things:
 *
 * <ul>
 *   <li>What one turn throws does not keep the next from being made.
 *   <li>A thread that could not begin its work tries again. Netty counts it as started, and starts
 *       no other.
 *   <li>A scheduled task that is due stays where it is while there is no room for it among the
 *       tasks to be run. Netty's loop loses it then.
 * </ul>
 */
class SteadyLoop extends SingleThreadIoEventLoop {
  private static final Logger log = LoggerFactory.getLogger(SteadyLoop.class);

  /** Of all loops of this process: a fault may come again at once, and peers may repeat one. */
  private static final WarnLimiter faults = new WarnLimiter(log);

  /** As long as this, tasks may keep a loop from its sockets; as in Netty's own. */
  private static final long TASKS_NANOS_MAX = TimeUnit.SECONDS.toNanos(1);

  /** After something was thrown: it may be thrown again at once, until there is memory, say. */
  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

  private final Start start;
  private boolean initialized;

  SteadyLoop(
      IoEventLoopGroup parent, Start start, IoHandlerFactory handlers, Queue<Runnable> tasks) {
    super(
        parent,
        start,
        handlers,
        new Tasks(tasks),
        newTaskQueue0(Integer.MAX_VALUE),
        (_, _) -> {
          throw new OutOfMemoryError("No room for a task of an event loop");
        });
    this.start = start;
  }

  /** {@return a group of such loops; their threads are daemons and start with the first work} */
  static EventLoopGroup group(int threads, IoHandlerFactory factory) {
    return group(threads, factory, () -> newTaskQueue0(Integer.MAX_VALUE));
  }

  static EventLoopGroup group(
      int threads, IoHandlerFactory factory, Supplier<Queue<Runnable>> taskQueues) {
    return new MultiThreadIoEventLoopGroup(
        threads, new DefaultThreadFactory("te-tcp", true), factory) {
      @Override
      protected IoEventLoop newChild(
          Executor executor, IoHandlerFactory handlers, Object... unused) {
        return new SteadyLoop(this, new Start(executor), handlers, taskQueues.get());
      }
    };
  }

  @Override
  protected void run() {
    start.begun = true;
    do {
      try {
        turn();
      } catch (Throwable t) {
        goOn(t);
      }
      rest();
    } while (!confirmShutdown() && !canSuspend());
  }

  /** What the thread does between two turns: nothing. Throws nothing. */
  void rest() {}

  final void turn() {
    if (!initialized) {
      ioHandler().initialize();
      initialized = true;
    }
    runIo();
    if (isShuttingDown()) {
      ioHandler().prepareToDestroy();
    }
    runAllTasks(TASKS_NANOS_MAX);
  }

  /** What a connection throws does not keep tasks waiting. */
  @Override
  protected int runIo() {
    try {
      return super.runIo();
    } catch (Throwable t) {
      goOn(t);
      return 0;
    }
  }

  /** Also asked by Netty, after {@link #run()}. */
  @Override
  protected boolean confirmShutdown() {
    try {
      return super.confirmShutdown();
    } catch (Throwable t) {
      goOn(t);
      return false;
    }
  }

  /** Throws nothing. */
  static void goOn(Throwable thrown) {
    try {
      faults.fault("An event loop goes on after a fault of this process", thrown);
    } catch (Throwable unlogged) {
      // In a full heap, what was never needed before cannot even be loaded.
    }
    try {
      LockSupport.parkNanos(PAUSE_NANOS);
    } catch (Throwable unpaused) {
      // As above.
    }
  }

  /** Starts the thread, which tries until its loop runs. */
  static final class Start implements Executor {
    private final Executor executor;

    /** Written and read by the loop's thread. */
    boolean begun;

    Start(Executor executor) {
      this.executor = executor;
    }

    @Override
    public void execute(Runnable command) {
      executor.execute(() -> begin(command));
    }

    private void begin(Runnable command) {
      while (true) {
        try {
          command.run();
          return;
        } catch (Throwable t) {
          if (begun) {
            throw t; // by its end
          }
          goOn(t);
        }
      }
    }
  }

  /** Refuses a task for which there is no memory, instead of throwing. */
  private static final class Tasks extends AbstractQueue<Runnable> {
    private final Queue<Runnable> queue;

    Tasks(Queue<Runnable> queue) {
      this.queue = queue;
    }

    @Override
    public boolean offer(Runnable task) {
      try {
        return queue.offer(task);
      } catch (OutOfMemoryError e) {
        return false;
      }
    }

    @Override
    public @Nullable Runnable poll() {
      return queue.poll();
    }

    @Override
    public @Nullable Runnable peek() {
      return queue.peek();
    }

    @Override
    public boolean isEmpty() {
      return queue.isEmpty();
    }

    @Override
    public int size() {
      return queue.size();
    }

    @Override
    public boolean remove(@Nullable Object task) {
      return queue.remove(task);
    }

    @Override
    public Iterator<Runnable> iterator() {
      return queue.iterator();
    }
  }
}
