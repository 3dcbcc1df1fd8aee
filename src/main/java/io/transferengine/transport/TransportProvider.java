// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import java.util.Optional;

/** Makes a transport; found by {@link java.util.ServiceLoader}. */
public interface TransportProvider {
  /** {@return the transport's name} */
  String name();

  /** {@return its rank among those that reach a peer: higher is preferred} */
  int priority();

  /**
   * {@return why it cannot be used here, with the remedy; empty when it can} Answers without
   * loading anything that might be missing.
   */
  Optional<String> unavailabilityCause(TransportContext context);

  /** {@return a transport that has opened nothing yet} */
  Transport create(TransportContext context);
}
