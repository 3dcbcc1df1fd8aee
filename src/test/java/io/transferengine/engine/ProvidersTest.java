// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.metadata.spi.MetadataStoreProvider;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.TransportProvider;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ServiceConfigurationError;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ProvidersTest {
  @TempDir Path folder;

  @Test
  void aProviderThatCannotBeMadeIsNamedWithTheRemedy() throws Exception {
    Path services = Files.createDirectories(folder.resolve("META-INF/services"));
    Files.writeString(services.resolve(MetadataStoreProvider.class.getName()), "gone.Provider\n");
    try (URLClassLoader broken =
        new URLClassLoader(
            new URL[] {folder.toUri().toURL()}, MetadataStoreProvider.class.getClassLoader())) {

      assertThatThrownBy(() -> Providers.of(MetadataStoreProvider.class, broken))
          .isInstanceOfSatisfying(
              TransferException.class,
              e -> assertThat(e.code()).isEqualTo(ErrorCode.NOT_IMPLEMENTED))
          .hasMessageContaining("gone.Provider")
          .hasMessageContaining("META-INF/services")
          .hasCauseInstanceOf(ServiceConfigurationError.class);
      assertThat(Providers.of(TransportProvider.class, broken)).isNotEmpty();
    }
  }

  /** As one that was compiled against another version of us, or a newer Java. */
  @Test
  void aProviderThatDoesNotFitIsNamedWithTheRemedy() throws Exception {
    Path services = Files.createDirectories(folder.resolve("META-INF/services"));
    Files.writeString(services.resolve(MetadataStoreProvider.class.getName()), "foreign.Bad\n");
    Path type = Files.createDirectories(folder.resolve("foreign")).resolve("Bad.class");
    Files.writeString(type, "no class");
    try (URLClassLoader broken =
        new URLClassLoader(
            new URL[] {folder.toUri().toURL()}, MetadataStoreProvider.class.getClassLoader())) {
      assertThatThrownBy(() -> Providers.of(MetadataStoreProvider.class, broken))
          .isInstanceOfSatisfying(
              TransferException.class,
              e -> assertThat(e.code()).isEqualTo(ErrorCode.NOT_IMPLEMENTED))
          .hasMessageContainingAll("foreign/Bad", "update it")
          .hasCauseInstanceOf(LinkageError.class);
    }
  }
}
