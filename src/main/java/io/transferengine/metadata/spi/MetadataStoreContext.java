// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.spi;

import java.time.Duration;
import javax.net.ssl.SSLContext;

/**
 * The options of an engine that concern every metadata service. Only the engine implements it;
 * methods may be added. Immutable, thread-safe.
 */
public interface MetadataStoreContext {
  /**
   * {@return how long a record outlives an engine that dies, 2 seconds to a day: {@code
   * TE_METADATA_TTL_SECONDS}} The engine calls {@link MetadataStore#keep} three times as often.
   */
  Duration timeToLive();

  /**
   * {@return a new context for TLS with the service: {@code TE_METADATA_TLS_CA}, {@code
   * TE_METADATA_TLS_CERT} and {@code TE_METADATA_TLS_KEY}; without them it trusts the authorities
   * that the JDK trusts}
   *
   * @throws io.transferengine.transfer.ConfigurationException if a file cannot be read or has no
   *     usable content
   */
  SSLContext tls();
}
