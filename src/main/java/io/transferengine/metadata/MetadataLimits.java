// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata;

/** How much of a metadata service is read. */
public final class MetadataLimits {
  /** What the C++ engine accepts from etcd, the most of its services. */
  public static final int VALUE_LENGTH_MAX_BYTES = 32 << 20;

  private MetadataLimits() {}
}
