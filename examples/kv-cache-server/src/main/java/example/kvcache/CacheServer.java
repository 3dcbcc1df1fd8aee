// SPDX-License-Identifier: Apache-2.0
package example.kvcache;

import io.transferengine.Allocation;
import io.transferengine.Engine;
import io.transferengine.Notification;
import io.transferengine.NotificationListener;
import io.transferengine.TransferNotify;
import io.transferengine.access.AccessRights;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A node that keeps values in its memory: for each key some bytes, such as the keys and values of a
 * prefix of tokens. Clients read the index and the values by themselves. The server hears of three
 * things, as notifications, all of them short texts:
 *
 * <pre>
 * hello SEGMENT                 answered with: index ADDRESS
 * put KEY LENGTH SEGMENT        answered with: place KEY ADDRESS, or place KEY 0 if it is too large
 * commit KEY CHECKSUM           the bytes are there: the index may name them
 * used KEY                      somebody has read the value, so keep it longer than others
 * </pre>
 *
 * <p>What has not been put or used for the longest time is dropped first. Everything that clients
 * say is bounded: values by the capacity, and those that are not committed count as others do.
 */
public final class CacheServer implements AutoCloseable {
  /** One client that takes no answers must not hold up the others for long. */
  private static final Duration ANSWER = Duration.ofSeconds(5);

  private final Engine engine;
  private final long capacityBytes;
  private final Allocation index;
  private final NotificationListener listening;

  /** The oldest first. */
  private final Map<Long, Value> values = new LinkedHashMap<>(16, 0.75f, true);

  private long usedBytes;
  private long dropped;

  /** A value, and where in the index it is; -1 before it is committed. */
  private static final class Value {
    private final Allocation memory;
    private long place = -1;

    Value(Allocation memory) {
      this.memory = memory;
    }
  }

  /** Serves until it is closed; the engine is the caller's. */
  public CacheServer(Engine engine, long capacityBytes) {
    this.engine = engine;
    this.capacityBytes = capacityBytes;
    this.index = engine.allocate(Index.BYTES, AccessRights.READ_ONLY);
    index.segment().fill((byte) 0);
    this.listening = engine.onNotification(this::take);
  }

  /** How many values were dropped to make room. */
  public synchronized long dropped() {
    return dropped;
  }

  /** One message after another, on a thread of the engine. */
  private synchronized void take(Notification message) {
    String[] words = message.message().split(" ");
    try {
      switch (message.name()) {
        case "hello" -> answer(words[0], "index", Long.toString(index.address()));
        case "put" ->
            answer(
                words[2],
                "place",
                words[0] + " " + place(Long.parseLong(words[0]), Long.parseLong(words[1])));
        case "commit" -> commit(Long.parseLong(words[0]), Long.parseLong(words[1]));
        case "used" -> values.get(Long.parseLong(words[0]));
        default -> System.err.println("cache: unknown message from " + message.sender());
      }
    } catch (ArrayIndexOutOfBoundsException | NumberFormatException | TransferException e) {
      System.err.println("cache: a message from " + message.sender() + " was left out: " + e);
    }
  }

  private void answer(String segment, String name, String message) {
    engine.sendNotify(segment, new TransferNotify(name, message), ANSWER);
  }

  /** Makes room for a value and returns its address; 0 if there can be none. */
  private long place(long key, long length) {
    if (key == 0 || length <= 0 || length > capacityBytes) {
      return 0;
    }
    remove(key);
    while (usedBytes + length > capacityBytes) {
      remove(values.keySet().iterator().next());
      dropped++;
    }
    Allocation memory = engine.allocate(length, AccessRights.READ_WRITE);
    usedBytes += length;
    values.put(key, new Value(memory));
    return memory.address();
  }

  private void commit(long key, long checksum) {
    Value value = values.get(key);
    if (value == null || value.place >= 0) {
      return;
    }
    long window = Index.window(key);
    long place = freePlace(window);
    if (place < 0) {
      remove(oldestOf(window));
      dropped++;
      place = freePlace(window);
    }
    value.place = place;
    Index.Entry entry =
        new Index.Entry(key, value.memory.address(), value.memory.length(), checksum);
    Index.write(index.segment(), place, entry);
  }

  private long freePlace(long window) {
    for (long place = window; place < window + Index.WINDOW_BYTES; place += Index.ENTRY_BYTES) {
      if (Index.read(index.segment(), place).key() == 0) {
        return place;
      }
    }
    return -1;
  }

  private long oldestOf(long window) {
    Iterator<Map.Entry<Long, Value>> oldest = values.entrySet().iterator();
    while (true) {
      Map.Entry<Long, Value> next = oldest.next();
      long place = next.getValue().place;
      if (place >= window && place < window + Index.WINDOW_BYTES) {
        return next.getKey();
      }
    }
  }

  /** From then on, nobody finds it; whoever is reading it gets an error or another checksum. */
  private void remove(long key) {
    Value value = values.remove(key);
    if (value == null) {
      return;
    }
    if (value.place >= 0) {
      MemorySegment table = index.segment();
      Index.write(table, value.place, new Index.Entry(0, 0, 0, 0));
    }
    usedBytes -= value.memory.length();
    value.memory.close();
  }

  @Override
  public void close() {
    listening.close();
    synchronized (this) {
      values.values().forEach(value -> value.memory.close());
      values.clear();
    }
    index.close();
  }
}
