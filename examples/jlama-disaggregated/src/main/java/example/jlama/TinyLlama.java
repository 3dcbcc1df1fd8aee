// SPDX-License-Identifier: Apache-2.0
package example.jlama;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.StringJoiner;

/**
 * Makes a small Llama with random weights: the three files that Jlama, as other engines, reads from
 * the folder of a model. The same seed makes the same bytes. It has learned nothing, so it babbles;
 * but each token depends on what came before, as in a real one.
 */
final class TinyLlama {
  static final int LAYERS = 8;
  private static final int HIDDEN = 256;
  private static final int FEED_FORWARD = 704;
  private static final int HEADS = 8;
  private static final int KV_HEADS = 4;
  private static final int CONTEXT = 2048;

  /** A text starts with {@code <s>}, and {@code </s>} ends it. */
  private static final List<String> SPECIAL = List.of("<unk>", "<s>", "</s>");

  private static final String CONSONANTS = "bdfghjklmnprstvz";
  private static final String VOWELS = "aeiou";
  private static final String ENDS = "lnrs";

  /** What Llama's tokenizers write for a blank. */
  private static final String BLANK = "\u2581";

  /** One entry of the file of weights. */
  private record Tensor(String name, int[] shape) {
    int elements() {
      int product = 1;
      for (int length : shape) {
        product *= length;
      }
      return product;
    }
  }

  private final List<String> vocabulary = new ArrayList<>(SPECIAL);
  private final List<String> merges = new ArrayList<>();

  private TinyLlama() {
    vocabulary.add(BLANK);
    for (char letter = 'a'; letter <= 'z'; letter++) {
      vocabulary.add(String.valueOf(letter));
    }
    vocabulary.add(".");
    vocabulary.add(",");
    List<String> syllables = new ArrayList<>();
    for (char consonant : CONSONANTS.toCharArray()) {
      for (char vowel : VOWELS.toCharArray()) {
        merge(String.valueOf(consonant), String.valueOf(vowel));
        syllables.add("" + consonant + vowel);
      }
    }
    for (String syllable : syllables) {
      for (char end : ENDS.toCharArray()) {
        merge(syllable, String.valueOf(end));
      }
    }
    syllables.forEach(syllable -> merge(BLANK, syllable));
  }

  private void merge(String left, String right) {
    merges.add(left + " " + right);
    vocabulary.add(left + right);
  }

  /** Writes the model into a folder that exists. */
  static void write(Path folder, long seed) throws IOException {
    TinyLlama model = new TinyLlama();
    Files.writeString(folder.resolve("config.json"), model.config());
    Files.writeString(folder.resolve("tokenizer.json"), model.tokenizer());
    model.writeWeights(folder.resolve("model.safetensors"), new Random(seed));
  }

  /** Some words that its tokenizer knows, so many that they are about so many tokens. */
  static String prompt(int tokens, long seed) {
    Random random = new Random(seed);
    StringJoiner words = new StringJoiner(" ");
    for (int i = 0; i < tokens; i += 2) {
      words.add(syllable(random) + syllable(random));
    }
    return words + ".";
  }

  private static String syllable(Random random) {
    return ""
        + CONSONANTS.charAt(random.nextInt(CONSONANTS.length()))
        + VOWELS.charAt(random.nextInt(VOWELS.length()));
  }

  private String config() {
    return """
    {
      "architectures": ["LlamaForCausalLM"],
      "model_type": "llama",
      "hidden_act": "silu",
      "hidden_size": %d,
      "intermediate_size": %d,
      "num_attention_heads": %d,
      "num_key_value_heads": %d,
      "num_hidden_layers": %d,
      "max_position_embeddings": %d,
      "vocab_size": %d,
      "bos_token_id": 1,
      "eos_token_id": 2,
      "rms_norm_eps": 1e-5,
      "rope_theta": 10000.0,
      "torch_dtype": "float32"
    }
    """
        .formatted(HIDDEN, FEED_FORWARD, HEADS, KV_HEADS, LAYERS, CONTEXT, vocabulary.size());
  }

  private String tokenizer() {
    StringJoiner tokens = new StringJoiner(",\n      ");
    for (int id = 0; id < vocabulary.size(); id++) {
      tokens.add("\"%s\": %d".formatted(vocabulary.get(id), id));
    }
    StringJoiner pairs = new StringJoiner(",\n      ");
    merges.forEach(pair -> pairs.add("\"" + pair + "\""));
    StringJoiner special = new StringJoiner(",\n    ");
    for (int id = 0; id < SPECIAL.size(); id++) {
      special.add(
          "{\"id\": %d, \"content\": \"%s\", \"special\": true}".formatted(id, SPECIAL.get(id)));
    }
    return """
    {
      "added_tokens": [
        %s
      ],
      "normalizer": {
        "type": "Sequence",
        "normalizers": [{"type": "Replace", "pattern": {"String": " "}, "content": "%s"}]
      },
      "pre_tokenizer": {
        "type": "Sequence",
        "pretokenizers": [{"type": "Split", "pattern": {"Regex": " ?[^ ]+"}, "behavior": "Isolated"}]
      },
      "model": {
        "type": "BPE",
        "unk_token": "<unk>",
        "fuse_unk": false,
        "byte_fallback": false,
        "vocab": {
          %s
        },
        "merges": [
          %s
        ]
      }
    }
    """
        .formatted(special, BLANK, tokens, pairs);
  }

  private List<Tensor> tensors() {
    List<Tensor> tensors = new ArrayList<>();
    int kvLength = HIDDEN / HEADS * KV_HEADS;
    tensors.add(new Tensor("model.embed_tokens.weight", new int[] {vocabulary.size(), HIDDEN}));
    for (int layer = 0; layer < LAYERS; layer++) {
      String base = "model.layers." + layer + ".";
      tensors.add(new Tensor(base + "input_layernorm.weight", new int[] {HIDDEN}));
      tensors.add(new Tensor(base + "self_attn.q_proj.weight", new int[] {HIDDEN, HIDDEN}));
      tensors.add(new Tensor(base + "self_attn.k_proj.weight", new int[] {kvLength, HIDDEN}));
      tensors.add(new Tensor(base + "self_attn.v_proj.weight", new int[] {kvLength, HIDDEN}));
      tensors.add(new Tensor(base + "self_attn.o_proj.weight", new int[] {HIDDEN, HIDDEN}));
      tensors.add(new Tensor(base + "post_attention_layernorm.weight", new int[] {HIDDEN}));
      tensors.add(new Tensor(base + "mlp.gate_proj.weight", new int[] {FEED_FORWARD, HIDDEN}));
      tensors.add(new Tensor(base + "mlp.up_proj.weight", new int[] {FEED_FORWARD, HIDDEN}));
      tensors.add(new Tensor(base + "mlp.down_proj.weight", new int[] {HIDDEN, FEED_FORWARD}));
    }
    tensors.add(new Tensor("model.norm.weight", new int[] {HIDDEN}));
    tensors.add(new Tensor("lm_head.weight", new int[] {vocabulary.size(), HIDDEN}));
    return tensors;
  }

  /**
   * The length of a header in JSON, the header, and then the numbers of one tensor after another.
   */
  private void writeWeights(Path file, Random random) throws IOException {
    StringJoiner entries = new StringJoiner(",", "{", "}");
    long offset = 0;
    for (Tensor tensor : tensors()) {
      long end = offset + (long) Float.BYTES * tensor.elements();
      entries.add(
          "\"%s\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
              .formatted(tensor.name(), boxed(tensor.shape()), offset, end));
      offset = end;
    }
    byte[] header = padded(entries.toString());
    try (OutputStream out = Files.newOutputStream(file)) {
      out.write(littleEndian(Long.BYTES).putLong(header.length).array());
      out.write(header);
      for (Tensor tensor : tensors()) {
        ByteBuffer numbers = littleEndian(Float.BYTES * tensor.elements());
        boolean norm = tensor.shape().length == 1;
        double scale = gain(tensor.name()) / Math.sqrt(tensor.shape()[tensor.shape().length - 1]);
        while (numbers.hasRemaining()) {
          numbers.putFloat(norm ? 1 : (float) (random.nextGaussian() * scale));
        }
        out.write(numbers.array());
      }
    }
  }

  /** Attention that picks few of many positions: each of them matters then. */
  private static double gain(String name) {
    return name.contains("q_proj") || name.contains("k_proj") ? 3 : 1;
  }

  private static List<Integer> boxed(int[] shape) {
    List<Integer> lengths = new ArrayList<>();
    for (int length : shape) {
      lengths.add(length);
    }
    return lengths;
  }

  /** Blanks behind the header, so that the numbers lie at a multiple of 64 bytes. */
  private static byte[] padded(String header) {
    int blanks = 64 - (Long.BYTES + header.length()) % 64;
    return (header + " ".repeat(blanks)).getBytes(StandardCharsets.US_ASCII);
  }

  private static ByteBuffer littleEndian(int lengthBytes) {
    return ByteBuffer.allocate(lengthBytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
