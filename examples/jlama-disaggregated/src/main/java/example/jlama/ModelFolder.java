// SPDX-License-Identifier: Apache-2.0
package example.jlama;

import com.github.tjake.jlama.model.ModelSupport.ModelType;
import com.github.tjake.jlama.safetensors.SafeTensorSupport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

/** Looks at a folder with a model before three processes fail at it, each with a trace. */
final class ModelFolder {
  /** Those of Jlama's that have no keys and values to hand over. */
  private static final Set<ModelType> NO_DECODERS = EnumSet.of(ModelType.BERT);

  private ModelFolder() {}

  /**
   * {@return the folder}
   *
   * @throws IllegalArgumentException which says what is missing in it
   */
  static Path require(String name) {
    Path folder = Path.of(name);
    if (!Files.isDirectory(folder)) {
      throw new IllegalArgumentException("--model: no folder: " + name);
    }
    for (String file : new String[] {"config.json", "tokenizer.json"}) {
      if (!Files.isReadable(folder.resolve(file))) {
        throw new IllegalArgumentException("--model: no " + file + " in " + name);
      }
    }
    if (!hasWeights(folder)) {
      throw new IllegalArgumentException(
          "--model: no model.safetensors in "
              + name
              + ", and no model.safetensors.index.json with all the files that it names");
    }
    requireType(folder.resolve("config.json"));
    return folder;
  }

  private static boolean hasWeights(Path folder) {
    try {
      return SafeTensorSupport.isModelLocal(folder);
    } catch (RuntimeException unreadable) {
      return false;
    }
  }

  private static void requireType(Path config) {
    String known =
        Arrays.stream(ModelType.values())
            .filter(type -> !NO_DECODERS.contains(type))
            .map(type -> type.name().toLowerCase(Locale.ROOT))
            .collect(Collectors.joining(", "));
    try {
      if (!NO_DECODERS.contains(SafeTensorSupport.detectModel(config.toFile()))) {
        return;
      }
    } catch (IOException | IllegalArgumentException noType) {
      // Jlama's text names its enum.
    }
    throw new IllegalArgumentException(
        "--model: model_type in " + config + " must be one of " + known);
  }
}
