// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Takes connections on the loopback and carries their bytes to another port; see {@link Link}.
 * Thread-safe.
 */
public final class Relay implements AutoCloseable {
  /** Small, so that little waits in the kernel when nothing passes. */
  private static final int RECEIVE_BUFFER_BYTES = 64 << 10;

  private static final int BACKLOG = 200;

  /** For what happens at once, on however busy a machine. */
  private static final int ACCEPT_SECONDS = 60;

  private final Link.Kind kind;
  private final Valve valve;
  private final Trap trap;
  private final ServerSocket server;
  private final Set<Link> links = ConcurrentHashMap.newKeySet();
  private final Set<Socket> waiting = ConcurrentHashMap.newKeySet();

  /** Connections of {@link #awaitAccepted}, by their own ports. */
  private final Map<Integer, CountDownLatch> marks = new ConcurrentHashMap<>();

  private volatile InetSocketAddress target;
  private volatile Optional<List<Range>> registered = Optional.empty();
  private volatile boolean closed;

  private Relay(Link.Kind kind, InetSocketAddress at, InetSocketAddress to, Valve valve, Trap trap)
      throws IOException {
    this.kind = kind;
    this.valve = valve;
    this.trap = trap;
    this.target = to;
    server = new ServerSocket();
    try {
      server.setReceiveBufferSize(RECEIVE_BUFFER_BYTES);
      server.bind(at, BACKLOG);
    } catch (IOException e) {
      server.close();
      throw e;
    }
    var _ = Thread.ofVirtual().start(this::accept);
  }

  /** {@return a relay on a free port, which does not look at the bytes} */
  public static Relay plain(Valve valve) {
    try {
      InetSocketAddress any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
      return new Relay(Link.Kind.OPAQUE, any, any, valve, new Trap());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** {@return a relay to a data port} */
  public static Relay data(InetSocketAddress at, InetSocketAddress to, Trap trap)
      throws IOException {
    return new Relay(Link.Kind.DATA, at, to, new Valve(), trap);
  }

  /** {@return a relay to the port of a handshake daemon} */
  public static Relay handshake(InetSocketAddress at, InetSocketAddress to, Trap trap)
      throws IOException {
    return new Relay(Link.Kind.HANDSHAKE, at, to, new Valve(), trap);
  }

  /** {@return a relay to either port of an engine with TLS} */
  public static Relay tls(InetSocketAddress at, InetSocketAddress to, Trap trap)
      throws IOException {
    return new Relay(Link.Kind.TLS, at, to, new Valve(), trap);
  }

  /** {@return a relay of another protocol} */
  public static Relay other(InetSocketAddress at, InetSocketAddress to, Trap trap)
      throws IOException {
    return new Relay(Link.Kind.OPAQUE, at, to, new Valve(), trap);
  }

  public int port() {
    return server.getLocalPort();
  }

  /** Later connections lead to another port of this machine. */
  public void leadTo(int port) {
    target = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  }

  /**
   * Requests beyond these ranges are not done; each has to lie in one of them. Without this call
   * all are taken for done.
   */
  public void hasRegistered(List<Range> ranges) {
    registered = Optional.of(List.copyOf(ranges));
  }

  private boolean serves(Request request) {
    return registered.map(request::isServed).orElse(true);
  }

  /** {@return how many connections there are} */
  public int connections() {
    return links.size();
  }

  /** {@return whether it holds connections that it has not carried on yet} */
  public boolean isConnecting() {
    return !waiting.isEmpty();
  }

  /**
   * Returns when it has accepted all connections that were opened before. What their ends wrote may
   * wait in the system, even if they are closed by now.
   */
  public void awaitAccepted() {
    try (Socket mark = new Socket()) {
      mark.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      CountDownLatch accepted = new CountDownLatch(1);
      marks.put(mark.getLocalPort(), accepted);
      try {
        mark.connect(server.getLocalSocketAddress());
        if (!accepted.await(ACCEPT_SECONDS, TimeUnit.SECONDS)) {
          throw new AssertionError(this + " accepts nothing");
        }
      } finally {
        marks.remove(mark.getLocalPort());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new AssertionError("Nobody knows this thread", e);
    }
  }

  /** Requests so far are no longer of interest. */
  public void forget() {
    links.forEach(Link::forget);
  }

  /** Resets all connections. */
  public void resetAll() {
    links.forEach(Link::reset);
    waiting.forEach(Relay::reset);
  }

  private void accept() {
    while (!closed) {
      try {
        Socket client = server.accept();
        CountDownLatch mark = marks.get(client.getPort());
        if (mark != null) {
          client.close();
          mark.countDown();
          continue;
        }
        waiting.add(client);
        var _ = Thread.ofVirtual().start(() -> serve(client));
      } catch (IOException e) {
        // It is closed, or descriptors are short for a moment.
      }
    }
  }

  private void serve(Socket client) {
    Socket onward = new Socket();
    try {
      if (trap.begins(Part.CONNECTION).filter(fault -> !strike(fault, client)).isPresent()) {
        throw new IOException("A fault has ended it");
      }
      onward.setReceiveBufferSize(RECEIVE_BUFFER_BYTES);
      waiting.add(onward);
      onward.connect(target);
      Link[] holder = new Link[1];
      Link link =
          new Link(client, onward, kind, valve, trap, this::serves, () -> links.remove(holder[0]));
      holder[0] = link;
      links.add(link);
      waiting.remove(client);
      waiting.remove(onward);
      link.start();
      if (closed || client.isClosed()) {
        link.reset();
      }
    } catch (IOException e) {
      waiting.remove(client);
      waiting.remove(onward);
      reset(client);
      reset(onward);
    }
  }

  /** {@return whether the connection goes on} */
  private boolean strike(Fault fault, Socket client) {
    Runnable deed = trap.strikes(null);
    try {
      switch (fault.act()) {
        case RESET -> {
          return false;
        }
        case STALL -> trap.awaitEnd();
        case DELAY -> Thread.sleep(fault.amount());
        case DEED -> deed.run();
        default -> {
          client.close();
          return false;
        }
      }
    } catch (IOException e) {
      return false;
    } catch (InterruptedException e) {
      throw new AssertionError("Nobody knows this thread", e);
    }
    return true;
  }

  private static void reset(Socket socket) {
    try {
      socket.setSoLinger(true, 0);
    } catch (IOException e) {
      // Closed already.
    }
    try {
      socket.close();
    } catch (IOException e) {
      // Then it was.
    }
  }

  /** Resets all connections and takes no more. */
  @Override
  public void close() {
    closed = true;
    try {
      server.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    resetAll();
  }

  @Override
  public String toString() {
    return "%s relay at %d to %s, %d connections"
        .formatted(kind, port(), Optional.ofNullable(target), links.size());
  }
}
