// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import java.util.Arrays;
import java.util.Locale;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * The KV cache of a model in a server with a paged cache: one region of memory for each layer, or
 * two if keys and values are separate, with the same page numbers in all of them.
 */
enum Preset {
  /** 32 layers, keys and values, 8 heads of 128 values of 2 bytes. */
  LLAMA3_8B("llama3-8b", 2 * 32, 8 * 128 * 2),

  /** 80 layers, keys and values; of the 8 heads, one on each of 8 devices. */
  LLAMA3_70B_TP8("llama3-70b-tp8", 2 * 80, 128 * 2),

  /** 61 layers; keys and values are one compressed vector of 576 values of a byte. */
  DEEPSEEK_V3_FP8("deepseek-v3-fp8", 61, 576);

  private final String label;
  private final int regions;
  private final int tokenBytes;

  Preset(String label, int regions, int tokenBytes) {
    this.label = label;
    this.regions = regions;
    this.tokenBytes = tokenBytes;
  }

  String label() {
    return label;
  }

  int regions() {
    return regions;
  }

  /** {@return the bytes of a page of {@code tokens} tokens in one region: a block} */
  long blockBytes(int pageTokens) {
    return (long) tokenBytes * pageTokens;
  }

  /** Reads a label. */
  static final class Converter implements ITypeConverter<Preset> {
    @Override
    public Preset convert(String text) {
      return Arrays.stream(values())
          .filter(preset -> preset.label.equals(text.toLowerCase(Locale.ROOT)))
          .findFirst()
          .orElseThrow(
              () ->
                  new TypeConversionException(
                      "'%s' is not a preset; presets are %s"
                          .formatted(
                              text,
                              String.join(
                                  ", ", Arrays.stream(values()).map(Preset::label).toList()))));
    }
  }
}
