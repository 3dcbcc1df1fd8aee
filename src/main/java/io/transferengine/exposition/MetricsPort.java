// SPDX-License-Identifier: Apache-2.0
package io.transferengine.exposition;

import io.transferengine.events.EngineEvent;
import io.transferengine.logging.WarnLimiter;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.net.AcceptLoop;
import io.transferengine.net.ClientThreads;
import io.transferengine.net.Farewell;
import io.transferengine.net.Listener;
import io.transferengine.net.Place;
import io.transferengine.net.Places;
import io.transferengine.net.Watchdog;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves figures over HTTP, one request a connection: {@code GET /metrics}.
 *
 * <p>Anybody who reaches the port may ask. So everything has a limit: how many connections there
 * are, how long one lasts, how long a request may be, and how often the text is made, which is one
 * for all who ask at the same time. Who is silent makes room for others. Thread-safe.
 */
public final class MetricsPort implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(MetricsPort.class);

  /** Those who collect figures are one or two, and ask every few seconds. */
  public static final int CONNECTIONS_LIMIT = 16;

  /** For request and answer together: those who collect figures give up after 10 s, too. */
  static final Duration LIMIT = Duration.ofSeconds(10);

  /**
   * A text is used for this long: a person does not notice, and a crowd costs no more than that.
   */
  private static final long TEXT_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private final MetricsText text;
  private final EngineMetrics metrics;
  private final Duration limit;
  private final Listener listener;
  private final Places places = new Places(CONNECTIONS_LIMIT, CONNECTIONS_LIMIT / 2, 0);
  private final WarnLimiter warnings = new WarnLimiter(log);
  private final WarnLimiter faults = new WarnLimiter(log);
  private final ClientThreads clients;
  private final AcceptLoop accepting;
  private final Map<MetricsText.Form, Made> made = new EnumMap<>(MetricsText.Form.class);

  /** A text, and when it was made. */
  private static final class Made {
    final byte[] text;
    final long nanos;

    Made(byte[] text, long nanos) {
      this.text = text;
      this.nanos = nanos;
    }
  }

  /**
   * Listens at an address.
   *
   * @param address with the port 0, any free one
   * @param text what is served; it stays the caller's
   * @param metrics where refusals are counted
   * @throws IOException if it cannot listen there
   */
  public MetricsPort(InetSocketAddress address, MetricsText text, EngineMetrics metrics)
      throws IOException {
    this(address, text, metrics, LIMIT);
  }

  MetricsPort(InetSocketAddress address, MetricsText text, EngineMetrics metrics, Duration limit)
      throws IOException {
    this.text = text;
    this.metrics = metrics;
    this.limit = limit;
    clients =
        new ClientThreads(
            "te-metrics-client", places, (place, channel) -> enter(place, channel), this::serve);
    listener = Listener.bind(address, CONNECTIONS_LIMIT);
    try {
      accepting = new AcceptLoop("requests for figures", listener, clients::admit, warnings);
      Thread _ =
          Thread.ofPlatform()
              .daemon()
              .name("te-metrics-" + listener.address().getPort())
              .start(accepting);
    } catch (Throwable t) {
      listener.close();
      throw t;
    }
  }

  /** {@return where it listens} */
  public InetSocketAddress address() {
    return listener.address();
  }

  private boolean enter(Place place, SocketChannel channel) {
    Places.Entry entry = places.enter(place);
    if (!entry.full().isEmpty()) {
      // Of this one, or of the one that made room.
      isRefused(channel, entry.full());
    }
    return entry.admitted();
  }

  private void isRefused(SocketChannel channel, String why) {
    metrics.happened(
        EngineEvent.Kind.REFUSED,
        Counter.METRICS_REQUESTS_REFUSED,
        channel.socket().getInetAddress().getHostAddress(),
        why);
  }

  private void serve(SocketChannel channel, Place place) throws IOException {
    // For all of it: a request that comes byte by byte has no more time than another.
    try (var _ = Watchdog.closeAfter(limit, channel)) {
      answer(channel, place);
    } catch (IOException e) {
      if (!place.isGivenAway()) {
        isRefused(channel, "it was too slow, or broke");
      }
      throw e;
    } catch (Throwable t) {
      // A bug of ours, or no memory. It must end only this connection.
      faults.fault("Serving figures failed", t);
    }
  }

  private void answer(SocketChannel channel, Place place) throws IOException {
    HttpHead head = HttpHead.read(new BufferedInputStream(channel.socket().getInputStream()));
    if (head.status() == HttpHead.NOTHING || !place.begin()) {
      return;
    }
    boolean isFound = head.status() == HttpHead.OK;
    if (!isFound) {
      isRefused(channel, head.reason());
    }
    byte[] body = isFound ? text(head.form()) : HttpHead.bytes(head.reason() + "\n");
    String type = isFound ? text.contentType(head.form()) : "text/plain; charset=utf-8";
    write(channel, HttpHead.bytes(head.answer(type, body.length)));
    if (!head.isWithoutBody()) {
      write(channel, body);
    }
    Farewell.linger(channel);
  }

  private static void write(SocketChannel channel, byte[] bytes) throws IOException {
    ByteBuffer left = ByteBuffer.wrap(bytes);
    while (left.hasRemaining()) {
      int _ = channel.write(left);
    }
  }

  /** One is made at a time, whoever asks. */
  private synchronized byte[] text(MetricsText.Form form) {
    long now = System.nanoTime();
    Made known = made.get(form);
    if (known == null || now - known.nanos > TEXT_NANOS) {
      known = new Made(text.now(form), now);
      made.put(form, known);
    }
    return known.text;
  }

  /** Stops listening and ends all connections. Idempotent. */
  @Override
  public void close() {
    listener.close();
    accepting.stop();
    var _ = clients.stop();
  }
}
