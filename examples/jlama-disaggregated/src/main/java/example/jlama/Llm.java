// SPDX-License-Identifier: Apache-2.0
package example.jlama;

import com.github.tjake.jlama.model.AbstractModel;
import com.github.tjake.jlama.model.ModelSupport;
import com.github.tjake.jlama.safetensors.Config;
import com.github.tjake.jlama.safetensors.DType;
import com.github.tjake.jlama.safetensors.prompt.PromptContext;
import com.github.tjake.jlama.tensor.AbstractTensor;
import com.github.tjake.jlama.tensor.KvBufferCache;
import com.github.tjake.jlama.tensor.KvBufferCache.KvBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * A model in Jlama, by its public methods alone. What Jlama's own {@code generate} does in one call
 * is two here: {@link #prefill} computes keys and values of a prompt, {@link #decode} continues
 * from keys and values wherever they come from. Both always take the most probable token.
 */
final class Llm implements AutoCloseable {
  /** Jlama takes at most so many tokens of a prompt at once. */
  private static final int CHUNK_TOKENS = Integer.getInteger("jlama.max_batch_size", 256);

  private final AbstractModel model;
  private final KvBufferCache caches;

  private Llm(AbstractModel model) {
    this.model = model;
    this.caches = new KvBufferCache(model);
  }

  /** Told when the keys and values of a layer are there for some positions. */
  interface LayerListener {
    void layerDone(int layer, int from, int to);
  }

  static Llm load(Path folder) {
    return new Llm(ModelSupport.loadModel(folder.toFile(), DType.F32, DType.I8));
  }

  Config config() {
    return model.getConfig();
  }

  int layers() {
    return model.getConfig().numberOfLayers;
  }

  int[] encode(String prompt) {
    return model.encodePrompt(PromptContext.of(prompt));
  }

  String text(List<Integer> tokens) {
    return model.getTokenizer().decode(tokens.stream().mapToLong(Integer::longValue).toArray());
  }

  /** An empty KV cache in memory; the other kind is in a file. Pages are made when asked for. */
  KvBuffer newCache() {
    return caches.getEphemeralKvBuffer();
  }

  /** What Jlama itself makes of a prompt, in one process. */
  String generate(String prompt, int tokens) {
    int limit = encode(prompt).length + tokens - 1;
    StringBuilder text = new StringBuilder();
    model.generate(
        UUID.randomUUID(),
        PromptContext.of(prompt),
        0,
        limit,
        (token, millis) -> text.append(token));
    return text.toString();
  }

  /**
   * Computes keys and values of a prompt.
   *
   * @return the first token behind the prompt
   */
  int prefill(int[] prompt, KvBuffer cache, LayerListener listener) {
    int first = -1;
    for (int from = 0; from < prompt.length; from += CHUNK_TOKENS) {
      int to = Math.min(prompt.length, from + CHUNK_TOKENS);
      Steps steps = new Steps(from, to, listener);
      int[] chunk = Arrays.copyOfRange(prompt, from, to);
      try (AbstractTensor<?, ?> output =
          model.batchForward(chunk, from, cache, Optional.of(steps))) {
        steps.requireAll();
        if (to == prompt.length) {
          first = sample(output.slice(output.shape().first() - 1));
        }
      }
    }
    return first;
  }

  /**
   * Jlama calls this twice in each layer, once with what its attention gives and once with what its
   * feed-forward network gives, so that nodes which share a layer can add up their parts. Nothing
   * has to be added here; but at the first of the two, the layer's keys and values are written.
   */
  private final class Steps implements Consumer<List<AbstractTensor>> {
    private final int from;
    private final int to;
    private final LayerListener listener;
    private int calls;

    Steps(int from, int to, LayerListener listener) {
      this.from = from;
      this.to = to;
      this.listener = listener;
    }

    @Override
    public void accept(List<AbstractTensor> parts) {
      if (calls % 2 == 0 && calls / 2 < layers()) {
        listener.layerDone(calls / 2, from, to);
      }
      calls++;
    }

    /** Some kinds of models call it more often: there, this would be told of the wrong layers. */
    void requireAll() {
      if (calls != 2 * layers()) {
        throw new IllegalStateException(
            "Jlama reported %d steps in %d layers; this example knows models that report two in each"
                .formatted(calls, layers()));
      }
    }
  }

  /**
   * Goes on behind a prompt whose keys and values are in the cache.
   *
   * @param first the first token behind the prompt
   * @param position the number of tokens in the cache
   * @param count the number of tokens, with the first
   */
  List<Integer> decode(int first, int position, int count, KvBuffer cache) {
    List<Integer> tokens = new ArrayList<>(List.of(first));
    while (tokens.size() < count && !config().eosTokens.contains(tokens.getLast())) {
      int next = position + tokens.size() - 1;
      try (AbstractTensor<?, ?> output =
          model.forward(tokens.getLast(), next, cache, Optional.empty())) {
        tokens.add(sample(output));
      }
    }
    return tokens;
  }

  private int sample(AbstractTensor<?, ?> output) {
    try (AbstractTensor<?, ?> logits = model.makeDenseTensor(config().vocabularySize)) {
      return model.sample(output, 0, 0, logits);
    }
  }

  @Override
  public void close() {
    caches.close();
    model.close();
  }
}
