// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.util.concurrent.EventExecutor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The I/O threads of one transport and the buffers that each of them keeps. Thread-safe. */
final class EventLoops {
  /** Staging blocks smaller than this would not hold a header beside the largest small body. */
  private static final int STAGING_BYTES_MIN = 2 * WireHandler.DIRECT_BYTES_MIN;

  private final EventLoopGroup group;
  private final Map<EventExecutor, WindowPool> pools = new HashMap<>();

  EventLoops(IoBackend backend, int threads, int stagingBytes) {
    group = backend.newGroup(threads);
    for (EventExecutor loop : group) {
      pools.put(loop, new WindowPool(Math.max(stagingBytes, STAGING_BYTES_MIN)));
    }
  }

  EventLoopGroup group() {
    return group;
  }

  EventLoop next() {
    return group.next();
  }

  /** {@return the buffers of a loop, for use on that loop only} */
  WindowPool pool(EventExecutor loop) {
    WindowPool pool = pools.get(loop);
    if (pool == null) {
      throw new IllegalArgumentException("Not one of this transport's event loops: " + loop);
    }
    return pool;
  }

  List<EventExecutor> all() {
    return new ArrayList<>(pools.keySet());
  }

  /** Ends the threads, waiting at most so long. */
  void close(Duration timeout) {
    group
        .shutdownGracefully(0, timeout.toMillis(), TimeUnit.MILLISECONDS)
        .awaitUninterruptibly(timeout.toMillis());
  }
}
