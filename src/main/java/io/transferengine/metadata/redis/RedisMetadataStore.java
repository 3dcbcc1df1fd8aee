// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.redis;

import io.transferengine.config.MetadataOptions;
import io.transferengine.config.Settings;
import io.transferengine.logging.Printable;
import io.transferengine.metadata.TlsCheck;
import io.transferengine.metadata.TlsFiles;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.net.WaitingThreads;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import javax.net.ssl.SSLContext;
import redis.clients.jedis.ConnectionPoolConfig;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.JedisPooled;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisDataException;
import redis.clients.jedis.exceptions.JedisException;
import redis.clients.jedis.params.ScanParams;
import redis.clients.jedis.resps.ScanResult;

/**
 * Records in redis. Each change that depends on the present value is a script, which redis runs as
 * one step. The script compares hashes, so a large value need not be sent for the comparison. Our
 * records expire.
 *
 * <p>Jedis blocks on sockets and on its pool. So each call runs on a thread of its own, which the
 * caller abandons when the time is over.
 */
final class RedisMetadataStore implements MetadataStore {
  private static final int CONNECT_TIMEOUT_MILLIS = 1500;

  /** A server that takes longer for one command counts as down. */
  private static final int SOCKET_TIMEOUT_MILLIS = 3000;

  /** Many look-ups of peers at once share these connections. Each takes about a millisecond. */
  private static final int CONNECTIONS_MAX = 8;

  private static final int IDLE_CONNECTIONS_MAX = 2;

  /** How many keys one SCAN step looks at. */
  private static final int SCAN_COUNT = 1000;

  /**
   * ARGV: the hash of the expected value, empty for no record; the new value; its seconds to live.
   */
  private static final byte[] REPLACE =
      ascii(
          """
          local present = redis.call('GET', KEYS[1])
          if ARGV[1] == '' then
            if present then return 0 end
          elseif not present or redis.sha1hex(present) ~= ARGV[1] then return 0 end
          redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
          return 1
          """);

  /** ARGV: the hash of the expected value; its seconds to live from now. */
  private static final byte[] KEEP =
      ascii(
          """
          local present = redis.call('GET', KEYS[1])
          if not present or redis.sha1hex(present) ~= ARGV[1] then return 0 end
          return redis.call('EXPIRE', KEYS[1], ARGV[2])
          """);

  /** ARGV: the hash of the expected value. */
  private static final byte[] REMOVE =
      ascii(
          """
          local present = redis.call('GET', KEYS[1])
          if not present or redis.sha1hex(present) ~= ARGV[1] then return 0 end
          return redis.call('DEL', KEYS[1])
          """);

  private final HostPort server;
  private final JedisPooled jedis;
  private final Optional<SSLContext> tls;
  private final byte[] ttlSeconds;
  private final ExecutorService executor = WaitingThreads.pool("te-redis-");

  private RedisMetadataStore(
      HostPort server, JedisPooled jedis, Optional<SSLContext> tls, int ttlSeconds) {
    this.server = server;
    this.jedis = jedis;
    this.tls = tls;
    this.ttlSeconds = ascii(Integer.toString(ttlSeconds));
  }

  static RedisMetadataStore open(HostPort server, boolean tls, Settings settings) {
    DefaultJedisClientConfig.Builder config =
        DefaultJedisClientConfig.builder()
            .connectionTimeoutMillis(CONNECT_TIMEOUT_MILLIS)
            .socketTimeoutMillis(SOCKET_TIMEOUT_MILLIS)
            .database(settings.get(MetadataOptions.REDIS_DB_INDEX));
    String user = settings.get(MetadataOptions.REDIS_USERNAME);
    String password = settings.get(MetadataOptions.REDIS_PASSWORD);
    if (!user.isEmpty()) {
      config.user(user);
    }
    if (!password.isEmpty()) {
      config.password(password);
    }
    Optional<SSLContext> context = tls ? Optional.of(TlsFiles.context(settings)) : Optional.empty();
    context.ifPresent(used -> config.ssl(true).sslSocketFactory(used.getSocketFactory()));
    ConnectionPoolConfig pool = new ConnectionPoolConfig();
    pool.setMaxTotal(CONNECTIONS_MAX);
    pool.setMaxIdle(IDLE_CONNECTIONS_MAX);
    pool.setMinIdle(0);
    pool.setMaxWait(Duration.ofMillis(SOCKET_TIMEOUT_MILLIS));
    // No thread tests idle connections: a call notices a broken one and tries again.
    pool.setTestWhileIdle(false);
    pool.setTimeBetweenEvictionRuns(Duration.ofMillis(-1));
    pool.setJmxEnabled(false);
    JedisPooled jedis =
        new JedisPooled(pool, new HostAndPort(server.host(), server.port()), config.build());
    return new RedisMetadataStore(server, jedis, context, settings.get(MetadataOptions.TTL));
  }

  @Override
  public String description() {
    return "redis at " + server;
  }

  @Override
  public void prepare(Duration timeout) {
    tls.ifPresent(
        context -> {
          boolean _ = TlsCheck.handshake(description(), server, context, timeout);
        });
  }

  @Override
  public boolean endsWithNewline() {
    return true;
  }

  @Override
  public Optional<byte[]> get(String key, Duration timeout) {
    byte[] name = utf8(key);
    return call(
        "GET of " + Printable.of(key, 200),
        timeout,
        redis -> {
          byte[] value = redis.getrange(name, 0, MetadataStore.VALUE_LENGTH_MAX_BYTES);
          if (value.length > MetadataStore.VALUE_LENGTH_MAX_BYTES) {
            throw new TransferException(
                ErrorCode.METADATA,
                "The record "
                    + Printable.of(key, 200)
                    + " has more bytes than the limit, "
                    + MetadataStore.VALUE_LENGTH_MAX_BYTES,
                "Delete it, and restart its owner");
          }
          return value.length > 0 || redis.exists(name) ? Optional.of(value) : Optional.empty();
        });
  }

  @Override
  public boolean replace(String key, Optional<byte[]> expected, byte[] value, Duration timeout) {
    byte[] hash = expected.map(RedisMetadataStore::sha1Hex).orElse(new byte[0]);
    return run("SET", REPLACE, key, List.of(hash, value, ttlSeconds), timeout);
  }

  @Override
  public boolean keep(String key, byte[] value, Duration timeout) {
    return run("EXPIRE", KEEP, key, List.of(sha1Hex(value), ttlSeconds), timeout);
  }

  @Override
  public boolean remove(String key, byte[] expected, Duration timeout) {
    return run("DEL", REMOVE, key, List.of(sha1Hex(expected)), timeout);
  }

  private boolean run(
      String what, byte[] script, String key, List<byte[]> arguments, Duration timeout) {
    return call(
        what + " of " + Printable.of(key, 200),
        timeout,
        redis -> Long.valueOf(1).equals(redis.eval(script, List.of(utf8(key)), arguments)));
  }

  @Override
  public List<String> keys(String prefix, int limit, Duration timeout) {
    ScanParams match =
        new ScanParams()
            .match(prefix.replaceAll("([\\\\*?\\[\\]])", "\\\\$1") + "*")
            .count(SCAN_COUNT);
    return call(
        "SCAN of " + Printable.of(prefix, 200),
        timeout,
        redis -> {
          List<String> found = new ArrayList<>();
          String cursor = ScanParams.SCAN_POINTER_START;
          do {
            ScanResult<String> step = redis.scan(cursor, match);
            found.addAll(step.getResult());
            cursor = step.getCursor();
          } while (!cursor.equals(ScanParams.SCAN_POINTER_START) && found.size() < limit);
          return found.stream().distinct().limit(limit).toList();
        });
  }

  @Override
  public void close() {
    executor.shutdownNow();
    jedis.close();
  }

  // ---- one call

  private <T> T call(String what, Duration timeout, Function<JedisPooled, T> command) {
    Future<T> future;
    try {
      future = executor.submit(() -> withFreshConnections(command));
    } catch (RejectedExecutionException e) {
      throw MetadataStore.unavailable(description(), "its client was closed", e);
    }
    try {
      return future.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
    } catch (ExecutionException e) {
      throw failed(what, e);
    } catch (TimeoutException e) {
      throw MetadataStore.unavailable(description(), what + " got no answer in time", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw MetadataStore.unavailable(description(), "the thread was interrupted", e);
    } finally {
      future.cancel(true);
    }
  }

  /**
   * Idle connections break if the server restarts. Then the command is tried once more, on a new
   * connection.
   */
  private <T> T withFreshConnections(Function<JedisPooled, T> command) {
    try {
      return command.apply(jedis);
    } catch (JedisConnectionException e) {
      jedis.getPool().clear();
      return command.apply(jedis);
    }
  }

  private TransferException failed(String what, ExecutionException e) {
    Throwable cause = e;
    for (Throwable t = e.getCause(); t != null; t = t.getCause()) {
      if (t instanceof TransferException known) {
        return known;
      }
      if (t instanceof JedisDataException refusal) {
        return new TransferException(
            ErrorCode.METADATA,
            description() + " refuses " + what + ": " + Printable.of(refusal.toString(), 200),
            "Check the user, password and database in MC_REDIS_USERNAME, MC_REDIS_PASSWORD and"
                + " MC_REDIS_DB_INDEX",
            refusal);
      }
      cause = t;
    }
    String why = cause.getMessage() == null ? cause.toString() : cause.getMessage();
    return e.getCause() instanceof JedisException
        ? MetadataStore.unavailable(
            description(), what + ": " + Printable.of(why, 200), e.getCause())
        : new TransferException(
            ErrorCode.METADATA,
            what + " in " + description() + " failed: " + Printable.of(cause.toString(), 200),
            "",
            e);
  }

  private static byte[] sha1Hex(byte[] value) {
    try {
      byte[] hash = MessageDigest.getInstance("SHA-1").digest(value);
      return ascii(HexFormat.of().formatHex(hash));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-1", e);
    }
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
