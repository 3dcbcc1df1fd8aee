// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata;

import io.transferengine.config.Settings;
import java.util.Optional;
import java.util.Set;

/** Makes the client of one kind of metadata service; found by {@link java.util.ServiceLoader}. */
public interface MetadataStoreProvider {
  /** {@return the schemes of {@link MetadataAddress} that it serves} */
  Set<String> schemes();

  /**
   * {@return why it cannot be used here, naming the artifact that is missing; empty when it can}
   */
  Optional<String> unavailabilityCause();

  /**
   * {@return a client, which talks to the service when it is first asked}
   *
   * @throws io.transferengine.transfer.TransferException INVALID_ARGUMENT for an address that is
   *     none
   */
  MetadataStore open(MetadataAddress address, Settings settings);
}
