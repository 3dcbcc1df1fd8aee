// SPDX-License-Identifier: Apache-2.0
package example.jlama;

import example.kvcache.CacheClient;
import io.transferengine.Allocation;
import io.transferengine.Engine;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * Keys and values of a prompt, kept in the cache of the other example under a hash of the prompt's
 * tokens. The first token behind the prompt is kept with them: who has both need not compute.
 */
final class PrefixCache implements AutoCloseable {
  private final CacheClient client;
  private final Allocation first;
  private final long key;

  /** For a prompt of that model. Takes the engine's notifications. */
  PrefixCache(Engine engine, String cache, String model, int[] prompt) throws InterruptedException {
    client = new CacheClient(engine, cache);
    first = engine.allocate(Integer.BYTES);
    key = CacheClient.key(model, prompt, prompt.length);
  }

  void put(KvPages pages, int firstToken) throws InterruptedException {
    first.segment().set(ValueLayout.JAVA_INT, 0, firstToken);
    if (!client.put(key, parts(pages))) {
      throw new IllegalStateException("the cache is too small for this prompt");
    }
  }

  /** Fills the pages, one-sided, and returns the first token. */
  int get(KvPages pages) {
    if (!client.get(key, parts(pages))) {
      throw new IllegalStateException("the cache does not have this prompt");
    }
    return first.segment().get(ValueLayout.JAVA_INT, 0);
  }

  private List<MemorySegment> parts(KvPages pages) {
    List<MemorySegment> parts = new ArrayList<>(pages.used());
    parts.add(first.segment());
    return parts;
  }

  @Override
  public void close() {
    first.close();
    client.close();
  }
}
