// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiPredicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connections of a port whose threads wait: each has a place and a thread, which ends with it.
 * Thread-safe.
 */
public final class ClientThreads {
  private static final Logger log = LoggerFactory.getLogger(ClientThreads.class);

  private final String threadName;
  private final Places places;
  private final BiPredicate<Place, SocketChannel> enter;
  private final Service service;
  private final ConcurrentHashMap<SocketChannel, Thread> clients = new ConcurrentHashMap<>();
  private volatile boolean stopped;

  /** What is done with a connection. */
  public interface Service {
    /**
     * Serves it until it is over. It is closed then, and its place is left.
     *
     * @throws IOException if the connection broke, was too slow, or was closed
     */
    void serve(SocketChannel channel, Place place) throws IOException;
  }

  /**
   * Nobody is served yet.
   *
   * @param threadName of each thread
   * @param enter enters a connection's place, counts and says what becomes of it; whether it is
   *     admitted
   */
  public ClientThreads(
      String threadName, Places places, BiPredicate<Place, SocketChannel> enter, Service service) {
    this.threadName = threadName;
    this.places = places;
    this.enter = enter;
    this.service = service;
  }

  /** Takes a connection over; if that throws, it is closed and its place is left. */
  public void admit(SocketChannel channel) {
    Place place = new Place(channel.socket().getInetAddress(), () -> end(channel));
    try {
      if (!enter.test(place, channel)) {
        Watchdog.closeQuietly(channel);
        return;
      }
      Thread thread = WaitingThreads.factory(threadName).newThread(() -> run(channel, place));
      clients.put(channel, thread);
      thread.start();
    } catch (Throwable t) {
      clients.remove(channel);
      places.leave(place);
      Watchdog.closeQuietly(channel);
      throw t;
    }
    if (stopped) {
      end(channel);
    }
  }

  private void end(SocketChannel channel) {
    Watchdog.closeQuietly(channel);
    Thread thread = clients.get(channel);
    if (thread != null) {
      thread.interrupt();
    }
  }

  private void run(SocketChannel channel, Place place) {
    try (channel) {
      service.serve(channel, place);
    } catch (IOException e) {
      log.debug("closing a connection of {}", threadName, e);
    } finally {
      clients.remove(channel);
      places.leave(place);
    }
  }

  /** {@return the connections that are open} */
  public int count() {
    return clients.size();
  }

  /** Ends all connections, and each that still comes; {@return the threads that served them} */
  public List<Thread> stop() {
    stopped = true;
    List<Thread> serving = List.copyOf(clients.values());
    for (SocketChannel channel : clients.keySet()) {
      end(channel);
    }
    return serving;
  }
}
