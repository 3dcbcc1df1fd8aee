// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import io.transferengine.config.Option;
import io.transferengine.config.Settings;

/**
 * A PEM file.
 *
 * @param option the option that names it, for errors
 * @param file where it is
 */
public record PemSource(String option, String file) {
  static PemSource of(Settings settings, Option<String> option) {
    return new PemSource(option.environmentName(), settings.get(option));
  }
}
