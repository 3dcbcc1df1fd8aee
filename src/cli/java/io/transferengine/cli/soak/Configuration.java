// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * What a group's engines are like.
 *
 * @param tls whether both ports of each have TLS
 */
record Configuration(Variant variant, boolean tls) {
  static final Configuration PLAIN = new Configuration(Variant.PLAIN, false);

  /** {@return one of each of these variants, unless it cannot have TLS} */
  static List<Configuration> of(Stream<Variant> variants, boolean tls) {
    return variants
        .filter(variant -> !tls || variant != Variant.VERSION1)
        .map(variant -> new Configuration(variant, tls))
        .toList();
  }

  @Override
  public String toString() {
    return variant.name().toLowerCase(Locale.ROOT) + (tls ? " with TLS" : "");
  }
}
