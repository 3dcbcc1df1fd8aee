// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

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

  /** Notes a version that readers may know. */
  void seen(long version) {
    last = Math.max(last, version);
  }

  long next() {
    last = last == Long.MAX_VALUE ? last : Math.max(clockMicros.getAsLong(), last + 1);
    return last;
  }
}
