// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import java.util.function.LongSupplier;

/**
 * The {@code metadata_version} of what we publish: the clock in microseconds, but always more than
 * the last one and than any that was found in our place. C++ readers refuse a version that is older
 * than the one that they know, and the same one with another content. For one thread at a time.
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

  /** Takes note of a version that readers may know. */
  void seen(long version) {
    last = Math.max(last, version);
  }

  long next() {
    last = last == Long.MAX_VALUE ? last : Math.max(clockMicros.getAsLong(), last + 1);
    return last;
  }
}
