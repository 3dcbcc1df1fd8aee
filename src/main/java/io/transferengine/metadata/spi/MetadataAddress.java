// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.spi;

import io.transferengine.logging.Secrets;

/**
 * Where a metadata service is: {@code SCHEME://ADDRESS}.
 *
 * @param scheme the kind of service, by which the {@link MetadataStoreProvider} is chosen
 * @param address the part after {@code ://}, not blank. The provider defines its form. It may
 *     contain a password or a token: do not log it
 */
public record MetadataAddress(String scheme, String address) {
  /**
   * {@return the address without its secrets, for error texts and logs} The part before an
   * {@code @} and the part behind a question mark are stars.
   */
  @Override
  public String toString() {
    return Secrets.masked(scheme + "://" + address);
  }
}
