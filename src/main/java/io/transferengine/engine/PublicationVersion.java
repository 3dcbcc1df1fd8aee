// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.wire.SegmentDescriptor;
import java.util.function.LongSupplier;

/**
 * The {@code metadata_version} of our records: the clock in microseconds, but always above the last
 * one and above any found in a record under our name. C++ readers refuse a version older than the
 * one they know, and the same version with other content. For one thread at a time.
 */
final class PublicationVersion {
  private final LongSupplier clockMicros;
  private long last;

  /**
   * Nothing published yet.
   *
   * @param clockMicros the time since 1970, which may jump
   */
  PublicationVersion(LongSupplier clockMicros) {
    this.clockMicros = clockMicros;
  }

  /**
   * {@return whether a record is older than the one in use} Version 0 means none: engines before
   * 2026-09 have no version. An engine that was restarted elsewhere is not older, whatever its
   * clock says.
   */
  static boolean isOlder(SegmentDescriptor found, SegmentDescriptor inUse) {
    return found.metadataVersion() != 0
        && found.metadataVersion() < inUse.metadataVersion()
        && found.incarnation().equals(inUse.incarnation());
  }

  /** Notes a version that readers may know. */
  void seen(long version) {
    last = Math.max(last, version);
  }

  long next() {
    last = last == Long.MAX_VALUE ? last : Math.max(clockMicros.getAsLong(), last + 1);
    return last;
  }
}
