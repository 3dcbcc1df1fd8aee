// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit.services;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * An HTTP metadata server that behaves as Mooncake's in Python (the table of protocol section 2):
 * knows nothing of ours, refuses a second {@code rpc_meta} record, gives 404 for a DELETE of
 * nothing. Like the one in mooncake_master it keeps keys as they arrive, still encoded.
 */
public final class ForeignHttpService implements TestService {
  private final int port = ServerProcess.freePort();
  private final Map<String, byte[]> records = new ConcurrentHashMap<>();
  private final List<String> requests = new CopyOnWriteArrayList<>();
  private HttpServer server = launch();

  private HttpServer launch() {
    try {
      HttpServer made =
          HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 100);
      made.createContext("/metadata", this::handle);
      made.start();
      return made;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      String method = exchange.getRequestMethod();
      String query = exchange.getRequestURI().getRawQuery();
      requests.add(method + " " + query);
      String key = query.substring("key=".length());
      byte[] body = exchange.getRequestBody().readAllBytes();
      switch (method) {
        case "GET" -> {
          byte[] found = records.get(key);
          answer(exchange, found == null ? 404 : 200, found == null ? text("not found") : found);
        }
        case "PUT" -> {
          boolean refused = key.contains("rpc_meta") && records.containsKey(key);
          if (!refused) {
            records.put(key, body);
          }
          answer(
              exchange,
              refused ? 400 : 200,
              text(refused ? "Duplicate rpc_meta key not allowed" : "metadata updated"));
        }
        case "DELETE" -> answer(exchange, records.remove(key) == null ? 404 : 200, text("done"));
        default -> answer(exchange, 405, text("405: Method Not Allowed"));
      }
    }
  }

  private static byte[] text(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static void answer(HttpExchange exchange, int status, byte[] body) throws IOException {
    exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
    exchange.getResponseBody().write(body);
  }

  /** {@return method and query of each request so far} */
  public List<String> requests() {
    return requests;
  }

  /** {@return the records, by encoded key} */
  public Map<String, byte[]> records() {
    return records;
  }

  @Override
  public String connectionString() {
    return "http://127.0.0.1:" + port + "/metadata";
  }

  @Override
  public void kill() {
    server.stop(0);
    records.clear();
  }

  @Override
  public void restart() {
    server = launch();
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
