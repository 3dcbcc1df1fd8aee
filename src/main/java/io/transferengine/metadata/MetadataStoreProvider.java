// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata;

import io.transferengine.config.Settings;
import java.util.Optional;
import java.util.Set;

/** Creates clients for one kind of metadata service. {@link java.util.ServiceLoader} finds it. */
public interface MetadataStoreProvider {
  /** {@return the schemes of {@link MetadataAddress} that it serves} */
  Set<String> schemes();

  /**
   * {@return the reason why it cannot be used here, with the name of the missing artifact; empty if
   * it can be used}
   */
  Optional<String> unavailabilityCause();

  /**
   * {@return a client, which does not connect to the service before its first call}
   *
   * @throws io.transferengine.transfer.TransferException INVALID_ARGUMENT if the address is invalid
   */
  MetadataStore open(MetadataAddress address, Settings settings);
}
