// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.memory;

import io.transferengine.metadata.spi.MetadataAddress;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.metadata.spi.MetadataStoreContext;
import io.transferengine.metadata.spi.MetadataStoreProvider;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Provides clients for {@code memory://NAME}: records in this JVM, for engines that share it, such
 * as those of a test. All clients of one name see the same records.
 */
public final class InMemoryMetadataStoreProvider implements MetadataStoreProvider {
  /**
   * The records of each name. They stay as long as the JVM, which is fine for the few names that
   * tests use.
   */
  private static final Map<String, InMemoryMetadataStore.Records> ALL = new ConcurrentHashMap<>();

  /** For {@link java.util.ServiceLoader}. */
  public InMemoryMetadataStoreProvider() {}

  @Override
  public Set<String> schemes() {
    return Set.of("memory");
  }

  @Override
  public Optional<String> unavailabilityCause() {
    return Optional.empty();
  }

  @Override
  public MetadataStore open(MetadataAddress address, MetadataStoreContext context) {
    return new InMemoryMetadataStore(
        address.toString(),
        ALL.computeIfAbsent(address.address(), name -> new InMemoryMetadataStore.Records()),
        context.timeToLive());
  }
}
