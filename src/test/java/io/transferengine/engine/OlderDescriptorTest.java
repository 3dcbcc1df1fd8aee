// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.wire.SegmentDescriptor;
import java.util.Optional;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which descriptor that was found is dropped for the one that is in use. */
@Timeout(60)
class OlderDescriptorTest {
  private static SegmentDescriptor descriptor(long version, String incarnation) {
    return SegmentDescriptor.builder("peer", SegmentDescriptor.TCP)
        .metadataVersion(version)
        .incarnation(Optional.ofNullable(incarnation))
        .build();
  }

  @ParameterizedTest
  @CsvSource({
    // An older record of the same run: a cache, or a service that lags.
    "7,a,   8,a,   true",
    "7,,    8,,    true",
    "8,a,   8,a,   false",
    "9,a,   8,a,   false",
    // The same name came back, on a machine whose clock is behind.
    "7,b,   8,a,   false",
    "7,b,   8,,    false",
    "7,,    8,a,   false",
    // Engines before 2026-09 say nothing.
    "0,a,   8,a,   false",
    "0,,    8,,    false",
  })
  void anOlderOneOfTheSameRunIs(
      long found, String foundRun, long inUse, String inUseRun, boolean older) {
    assertThat(PublicationVersion.isOlder(descriptor(found, foundRun), descriptor(inUse, inUseRun)))
        .isEqualTo(older);
  }
}
