// SPDX-License-Identifier: Apache-2.0
package example.kvcache;

import io.transferengine.Allocation;
import io.transferengine.Engine;
import io.transferengine.Notification;
import io.transferengine.Segment;
import io.transferengine.TransferNotify;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.zip.CRC32C;

/**
 * A client of {@link CacheServer}. Takes the notifications of its engine, so give it an engine that
 * waits for no others at the same time. For one thread.
 */
public final class CacheClient implements AutoCloseable {
  private static final Duration ANSWER = Duration.ofSeconds(30);

  private final Engine engine;
  private final Segment server;
  private final Allocation window;
  private final long index;

  /** Connects to the server with that segment. */
  public CacheClient(Engine engine, String segment) throws InterruptedException {
    this.engine = engine;
    this.server = engine.openSegment(segment);
    this.window = engine.allocate(Index.WINDOW_BYTES);
    try {
      tell("hello", engine.segmentName());
      this.index = Long.parseLong(answer("index", ""));
    } catch (Throwable t) {
      window.close();
      throw t;
    }
  }

  /** A key for some tokens of a model: the same for everybody who has the same. */
  public static long key(String model, int[] tokens, int count) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(model.getBytes(java.nio.charset.StandardCharsets.UTF_8));
      for (int i = 0; i < count; i++) {
        digest.update(
            new byte[] {
              (byte) (tokens[i] >>> 24),
              (byte) (tokens[i] >>> 16),
              (byte) (tokens[i] >>> 8),
              (byte) tokens[i]
            });
      }
      long key = MemorySegment.ofArray(digest.digest()).get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
      return key == 0 ? 1 : key;
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Puts a value, made of registered memory.
   *
   * @return whether the server had room for it
   */
  public boolean put(long key, List<MemorySegment> parts) throws InterruptedException {
    tell("put", key + " " + bytes(parts) + " " + engine.segmentName());
    long address = Long.parseLong(answer("place", key + " "));
    if (address == 0) {
      return false;
    }
    server.submit(Operation.WRITE, blocks(parts, address)).toCompletableFuture().join();
    tell("commit", key + " " + checksum(key, parts));
    return true;
  }

  /**
   * Gets a value into registered memory. Nothing runs at the server for it: the index and then the
   * value are read, one-sided.
   *
   * @param parts as long as the value, together
   * @return whether it was there; if not, there may be any bytes in the parts
   */
  public boolean get(long key, List<MemorySegment> parts) {
    server.read(window.segment(), index + Index.window(key)).toCompletableFuture().join();
    Optional<Index.Entry> entry = Index.find(window.segment(), key);
    if (entry.isEmpty() || entry.get().length() != bytes(parts)) {
      return false;
    }
    try {
      BlockColumns blocks = blocks(parts, entry.get().address());
      server.submit(Operation.READ, blocks).toCompletableFuture().join();
    } catch (CompletionException | TransferException e) {
      // Perhaps it has just been dropped: its memory is no longer registered then.
      return false;
    }
    if (checksum(key, parts) != entry.get().checksum()) {
      return false;
    }
    tell("used", Long.toString(key));
    return true;
  }

  private static long bytes(List<MemorySegment> parts) {
    return parts.stream().mapToLong(MemorySegment::byteSize).sum();
  }

  /** One batch: the parts are anywhere here, and one behind the other there. */
  private static BlockColumns blocks(List<MemorySegment> parts, long address) {
    List<BlockColumns> blocks = new ArrayList<>();
    long next = address;
    for (MemorySegment part : parts) {
      blocks.add(BlockColumns.of(part.address(), next, part.byteSize()));
      next += part.byteSize();
    }
    return BlockColumns.concat(blocks);
  }

  private static long checksum(long key, List<MemorySegment> parts) {
    CRC32C checksum = new CRC32C();
    parts.forEach(part -> checksum.update(part.asByteBuffer()));
    return key ^ checksum.getValue();
  }

  private void tell(String name, String message) {
    engine.sendNotify(server.name(), new TransferNotify(name, message));
  }

  /** The answer with that name and beginning, without the latter. Older ones are thrown away. */
  private String answer(String name, String beginning) throws InterruptedException {
    Instant end = Instant.now().plus(ANSWER);
    while (true) {
      Optional<Notification> taken = engine.takeNotification(Duration.between(Instant.now(), end));
      if (taken.isEmpty()) {
        throw new IllegalStateException(server.name() + " did not answer within " + ANSWER);
      }
      String message = taken.get().message();
      if (taken.get().name().equals(name) && message.startsWith(beginning)) {
        return message.substring(beginning.length());
      }
    }
  }

  @Override
  public void close() {
    window.close();
  }
}
