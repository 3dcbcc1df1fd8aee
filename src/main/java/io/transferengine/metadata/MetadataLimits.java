// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata;

/** Limits for data from metadata services. */
public final class MetadataLimits {
  /**
   * The longest value that is read. The C++ engine accepts as much from etcd, and less from its
   * other services.
   */
  public static final int VALUE_LENGTH_MAX_BYTES = 32 << 20;

  private MetadataLimits() {}
}
