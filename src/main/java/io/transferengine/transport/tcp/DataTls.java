// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.Channel;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;
import io.transferengine.metrics.recording.Audit;
import io.transferengine.net.Turns;
import io.transferengine.net.WaitingThreads;
import io.transferengine.tls.PeerTls;
import io.transferengine.tls.VerifiedPeer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ClosedChannelException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;

/**
 * Puts TLS below a data connection. Who has no TLS does not load this class, nor what it needs of
 * Netty. Stateless.
 */
final class DataTls {
  /** Longer than a handshake across continents, on a machine that does a thousand at once. */
  private static final long ACCEPT_MILLIS = TimeUnit.SECONDS.toMillis(10);

  /**
   * Signatures take milliseconds: too long for an event loop, on which others wait. For connections
   * that we make.
   */
  private static final Executor SIGNATURES = task -> WaitingThreads.start("te-tls", task);

  /**
   * The same for connections that peers make: by turns, and not for one that has ended by then. On
   * the event loop.
   */
  private static final class Steps implements Executor {
    private final Turns turns;
    private final InetAddress from;
    private final Runnable end;
    private Turns.@Nullable Turn latest;

    Steps(Turns turns, InetAddress from, Runnable end) {
      this.turns = turns;
      this.from = from;
      this.end = end;
    }

    @Override
    public void execute(Runnable task) {
      latest = turns.execute(from, task, end);
    }

    void leave() {
      Turns.Turn there = latest;
      if (there != null) {
        there.leave();
      }
    }
  }

  private DataTls() {}

  /**
   * Below the target's end of a connection from a peer, which is not in the pipeline yet.
   *
   * @param from its address
   * @param proved told who the peer is, before it can ask for anything
   */
  static void accept(
      Channel channel,
      PeerTls tls,
      InetAddress from,
      WireHandler above,
      Consumer<VerifiedPeer> proved) {
    Steps steps = new Steps(tls.handshakes(), from, () -> end(channel));
    var _ = channel.closeFuture().addListener(_ -> steps.leave());
    install(
        channel,
        BoringSsl.acceptingEngine(tls, channel.alloc()).orElseGet(tls::acceptingEngine),
        steps,
        ACCEPT_MILLIS,
        above,
        new TlsSocket.Guard() {
          @Override
          public void verify(SSLSession session) throws SSLException {
            proved.accept(tls.verify(session));
          }

          @Override
          public void refused(Throwable cause) {
            // Who leaves without a word has not tried anything.
            if (!(cause instanceof ClosedChannelException)) {
              tls.refused(String.valueOf(channel.remoteAddress()), Audit.Port.DATA, cause);
            }
          }
        });
  }

  private static void end(Channel channel) {
    var _ = channel.close();
  }

  /**
   * Below our end of a connection to a peer, which is not in the pipeline yet.
   *
   * @param address where it leads; the certificate has to be for its host
   * @param proved told who the peer is, before anything is asked of it
   * @param refused told why there is none, when there is none
   */
  static void connect(
      Channel channel,
      PeerTls tls,
      InetSocketAddress address,
      long timeoutMillis,
      WireHandler above,
      Consumer<VerifiedPeer> proved,
      Consumer<Throwable> refused) {
    install(
        channel,
        connectingEngine(channel, tls, address.getHostString(), address.getPort()),
        SIGNATURES,
        timeoutMillis,
        above,
        new TlsSocket.Guard() {
          @Override
          public void verify(SSLSession session) throws SSLException {
            proved.accept(tls.verify(session));
          }

          @Override
          public void refused(Throwable cause) {
            refused.accept(cause);
          }
        });
  }

  private static SSLEngine connectingEngine(Channel channel, PeerTls tls, String host, int port) {
    return BoringSsl.connectingEngine(tls, channel.alloc(), host, port)
        .orElseGet(() -> tls.connectingEngine(host, port));
  }

  private static void install(
      Channel channel,
      SSLEngine engine,
      Executor steps,
      long timeoutMillis,
      WireHandler above,
      TlsSocket.Guard guard) {
    try {
      add(channel, engine, steps, timeoutMillis, above, guard);
    } catch (Throwable t) {
      if (channel.pipeline().get(SslHandler.class) == null) {
        // Else the handler gives it back. It may be memory that no garbage collection finds.
        boolean _ = ReferenceCountUtil.release(engine);
      }
      throw t;
    }
  }

  private static void add(
      Channel channel,
      SSLEngine engine,
      Executor steps,
      long timeoutMillis,
      WireHandler above,
      TlsSocket.Guard guard) {
    SslHandler handler = new SslHandler(engine, steps);
    handler.setHandshakeTimeoutMillis(timeoutMillis);
    channel.config().setRecvByteBufAllocator(new OpenReads(channel, above.encrypted()));
    TlsSocket socket = new TlsSocket(above.newReceiveAllocator(), above.encrypted(), engine, guard);
    above.goesOver(socket);
    channel.pipeline().addLast(handler, socket);
  }
}
