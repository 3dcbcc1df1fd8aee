// SPDX-License-Identifier: Apache-2.0
package example.jlama;

import com.github.tjake.jlama.tensor.KvBufferCache.KvBuffer;
import io.transferengine.Allocation;
import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.Notification;
import io.transferengine.Registration;
import io.transferengine.access.AccessRights;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** The process that offers empty pages, and decodes when they are full. */
final class DecodeNode {
  /** The name of the message that says so; its text is the first token, and a checksum. */
  static final String READY = "kv-ready";

  private DecodeNode() {}

  /**
   * Arguments: the model's folder, the prompt, and the number of tokens; and the segment of a cache
   * that has the prompt, if nobody else fills the pages.
   */
  public static void main(String[] args) throws InterruptedException {
    Orders.endWithParent();
    int count = Integer.parseInt(args[2]);
    try (Llm model = Llm.load(Path.of(args[0]));
        Engine engine =
            Engine.open(EngineConfig.fromEnvironment("127.0.0.1").protocol("tcp").build())) {
      int[] prompt = model.encode(args[1]);
      KvBuffer cache = model.newCache();
      KvPages pages = new KvPages(cache, model.layers(), prompt.length);
      List<Registration> registrations = pages.register(engine, AccessRights.WRITE_ONLY);
      int first;
      if (args.length > 3) {
        first = fetch(engine, args, prompt, pages);
      } else {
        first = offer(engine, pages);
      }
      long begin = System.nanoTime();
      List<Integer> tokens = model.decode(first, prompt.length, count, cache);
      Orders.answer(System.nanoTime() - begin, Orders.join(tokens));
      registrations.forEach(Registration::close);
      cache.close();
    }
  }

  private static int fetch(Engine engine, String[] args, int[] prompt, KvPages pages)
      throws InterruptedException {
    try (PrefixCache prefixes = new PrefixCache(engine, args[3], args[0], prompt)) {
      long begin = System.nanoTime();
      int first = prefixes.get(pages);
      Orders.answer(System.nanoTime() - begin, pages.bytes());
      return first;
    }
  }

  /** Says where the pages are, and waits until somebody has filled them. */
  private static int offer(Engine engine, KvPages pages) throws InterruptedException {
    long[] addresses = pages.addresses();
    try (Allocation table =
        engine.allocate((long) addresses.length * Long.BYTES, AccessRights.READ_ONLY)) {
      table.segment().copyFrom(MemorySegment.ofArray(addresses));
      Orders.answer(engine.segmentName(), table.address(), addresses.length);
      String[] message = await(engine).message().split(" ");
      if (pages.checksum() != Long.parseLong(message[1])) {
        throw new IllegalStateException("keys and values arrived with other bytes");
      }
      return Integer.parseInt(message[0]);
    }
  }

  private static Notification await(Engine engine) throws InterruptedException {
    while (true) {
      Optional<Notification> taken = engine.takeNotification(Duration.ofMinutes(1));
      if (taken.isPresent() && taken.get().name().equals(READY)) {
        return taken.get();
      }
    }
  }
}
