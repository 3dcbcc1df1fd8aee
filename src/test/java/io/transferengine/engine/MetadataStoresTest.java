// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.config.Settings;
import io.transferengine.metadata.spi.MetadataAddress;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.metadata.spi.MetadataStoreContext;
import io.transferengine.metadata.spi.MetadataStoreProvider;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Providers of others, and the mistakes that they may make. */
@Timeout(60)
class MetadataStoresTest {
  private static final Settings SETTINGS = Settings.fromMap(Map.of("TE_METADATA_TTL_SECONDS", "7"));

  private static MetadataStore notAsked() {
    throw new AssertionError();
  }

  /** Opens what {@code made} gives. */
  private record Foreign(String scheme, Supplier<MetadataStore> made)
      implements MetadataStoreProvider {
    @Override
    public Set<String> schemes() {
      return Set.of(scheme);
    }

    @Override
    public MetadataStore open(MetadataAddress address, MetadataStoreContext context) {
      assertThat(address).isEqualTo(new MetadataAddress("other", "a?token=secret"));
      assertThat(context.timeToLive()).hasSeconds(7);
      return made.get();
    }
  }

  private static MetadataStore open(MetadataStoreProvider... providers) {
    return MetadataStores.open("other://a?token=secret", SETTINGS, List.of(providers));
  }

  private static void assertRefused(
      ErrorCode code, List<String> texts, MetadataStoreProvider... providers) {
    assertThatThrownBy(() -> open(providers))
        .isInstanceOfSatisfying(TransferException.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessageContainingAll(texts.toArray(String[]::new))
        .hasMessageNotContaining("secret");
  }

  @Test
  void aSchemeThatTwoServeIsRefusedWithBothNames() {
    Foreign one = new Foreign("other", MetadataStoresTest::notAsked);
    MetadataStoreProvider two =
        new MetadataStoreProvider() {
          @Override
          public Set<String> schemes() {
            return Set.of("other", "another");
          }

          @Override
          public MetadataStore open(MetadataAddress address, MetadataStoreContext context) {
            throw new AssertionError();
          }
        };
    assertRefused(
        ErrorCode.NOT_IMPLEMENTED,
        List.of(Foreign.class.getName(), two.getClass().getName(), "Leave one of them"),
        one,
        two);
  }

  @Test
  void aSchemeThatNobodyServesIsRefusedWithThoseThatOthersBrought() {
    Foreign foreign = new Foreign("folder", MetadataStoresTest::notAsked);
    assertRefused(
        ErrorCode.INVALID_ARGUMENT,
        List.of("other://a?***", "does not name a known kind", "other providers serve folder://"),
        foreign);
  }

  @Test
  void whatAProviderThrowsIsToldWithItsName() {
    Foreign broken =
        new Foreign(
            "other",
            () -> {
              throw new UnsupportedOperationException("not yet");
            });
    assertRefused(
        ErrorCode.METADATA, List.of(Foreign.class.getName(), "not yet", "Ask the maker"), broken);
    Foreign incomplete =
        new Foreign(
            "other",
            () -> {
              throw new NoClassDefFoundError("some/Library");
            });
    assertRefused(ErrorCode.METADATA, List.of("some/Library"), incomplete);
    TransferException told = new TransferException(ErrorCode.INVALID_ARGUMENT, "no folder", "");
    Foreign refusing =
        new Foreign(
            "other",
            () -> {
              throw told;
            });
    assertThatThrownBy(() -> open(refusing)).isSameAs(told);
  }

  @Test
  void whyAProviderCannotBeUsedIsTold() {
    MetadataStoreProvider unavailable =
        new MetadataStoreProvider() {
          @Override
          public Set<String> schemes() {
            return Set.of("other");
          }

          @Override
          public Optional<String> unavailabilityCause() {
            return Optional.of("org.other:client is not on the class path");
          }

          @Override
          public MetadataStore open(MetadataAddress address, MetadataStoreContext context) {
            throw new AssertionError();
          }
        };
    assertRefused(
        ErrorCode.NOT_IMPLEMENTED,
        List.of("org.other:client is not on the class path"),
        unavailable);
  }
}
