// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.redis;

import io.transferengine.config.Options;
import io.transferengine.config.Settings;
import io.transferengine.metadata.ConnectionString;
import io.transferengine.metadata.EngineStoreContext;
import io.transferengine.metadata.OptionalLibrary;
import io.transferengine.metadata.spi.MetadataAddress;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.metadata.spi.MetadataStoreContext;
import io.transferengine.metadata.spi.MetadataStoreProvider;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import java.util.Optional;
import java.util.Set;

/** Provides clients for redis, if Jedis is on the class path. */
public final class RedisMetadataStoreProvider implements MetadataStoreProvider {
  /** For {@link java.util.ServiceLoader}. */
  public RedisMetadataStoreProvider() {}

  @Override
  public Set<String> schemes() {
    return Set.of("redis", "rediss");
  }

  @Override
  public Optional<String> unavailabilityCause() {
    return OptionalLibrary.missing("redis.clients.jedis.JedisPooled", "redis.clients:jedis:6.2.0");
  }

  @Override
  public MetadataStore open(MetadataAddress address, MetadataStoreContext context) {
    Settings settings = EngineStoreContext.settingsOf(context);
    HostPort server;
    try {
      // Without a port the C++ engine takes the port of handshakes, not that of redis.
      server = HostPort.parse(address.address(), settings.get(Options.HANDSHAKE_PORT));
    } catch (TransferException e) {
      throw ConnectionString.malformed(address, e);
    }
    return RedisMetadataStore.open(server, address.scheme().equals("rediss"), settings);
  }
}
