// SPDX-License-Identifier: Apache-2.0
package example.jlama;

import com.github.tjake.jlama.tensor.KvBufferCache.KvBuffer;
import io.transferengine.Allocation;
import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.Registration;
import io.transferengine.Segment;
import io.transferengine.TransferNotify;
import io.transferengine.access.AccessRights;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** The process that computes keys and values of a prompt and hands them over. */
final class PrefillNode {
  /** So many tokens are computed and handed over first, to have the loops compiled. */
  private static final int WARM_UP_TOKENS = 64;

  private PrefillNode() {}

  /**
   * Arguments: the model's folder, the prompt, the segment of the node that decodes, and the
   * address and number of its parts' addresses; and the segment of a cache, if there is one.
   */
  public static void main(String[] args) throws InterruptedException {
    Orders.endWithParent();
    String decoder = args[2];
    long tableAddress = Long.parseLong(args[3]);
    int parts = Integer.parseInt(args[4]);
    try (Llm model = Llm.load(Path.of(args[0]));
        Engine engine =
            Engine.open(EngineConfig.fromEnvironment("127.0.0.1").protocol("tcp").build())) {
      int[] prompt = model.encode(args[1]);
      Segment peer = engine.openSegment(decoder);
      long[] remote = readTable(engine, peer, tableAddress, parts);

      KvBuffer cache = model.newCache();
      KvPages pages = new KvPages(cache, model.layers(), prompt.length);
      List<Registration> registrations = pages.register(engine, AccessRights.READ_ONLY);
      HandOver warmUp = new HandOver(peer, pages, remote);
      model.prefill(Arrays.copyOf(prompt, Math.min(prompt.length, WARM_UP_TOKENS)), cache, warmUp);
      warmUp.finish(System.nanoTime());

      HandOver handOver = new HandOver(peer, pages, remote);
      long begin = System.nanoTime();
      int first = model.prefill(prompt, cache, handOver);
      long computed = System.nanoTime();
      HandOver.Outcome outcome = handOver.finish(computed);
      // Only now: what it says must be true.
      String message = first + " " + pages.checksum();
      engine.sendNotify(decoder, new TransferNotify(DecodeNode.READY, message));

      if (args.length > 5) {
        try (PrefixCache prefixes = new PrefixCache(engine, args[5], args[0], prompt)) {
          prefixes.put(pages, first);
        }
      }
      Orders.answer(
          computed - begin,
          outcome.transfers(),
          outcome.bytes(),
          outcome.busyNanos(),
          outcome.hiddenNanos(),
          outcome.tailNanos(),
          String.join("+", peer.transports()));
      registrations.forEach(Registration::close);
      cache.close();
    }
  }

  /** One-sided, as everything else: the node that decodes is not asked. */
  private static long[] readTable(Engine engine, Segment peer, long address, int parts) {
    try (Allocation table = engine.allocate((long) parts * Long.BYTES)) {
      peer.read(table.segment(), address).toCompletableFuture().join();
      return table.segment().toArray(ValueLayout.JAVA_LONG);
    }
  }
}
