// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata;

import io.transferengine.config.MetadataOptions;
import io.transferengine.config.Settings;
import io.transferengine.metadata.spi.MetadataStoreContext;
import java.time.Duration;
import javax.net.ssl.SSLContext;

/**
 * The options that an engine gives to providers of metadata stores. Our own providers find all
 * options in it.
 *
 * @param settings the options of the engine
 */
public record EngineStoreContext(Settings settings) implements MetadataStoreContext {
  /**
   * {@return the options of the engine}
   *
   * @throws IllegalArgumentException if {@code context} was not made by an engine
   */
  public static Settings settingsOf(MetadataStoreContext context) {
    if (context instanceof EngineStoreContext ours) {
      return ours.settings;
    }
    throw new IllegalArgumentException(
        "The stores of this library are opened by an engine, not with a " + context.getClass());
  }

  @Override
  public Duration timeToLive() {
    return Duration.ofSeconds(settings.get(MetadataOptions.TTL));
  }

  @Override
  public SSLContext tls() {
    return TlsFiles.context(settings);
  }
}
