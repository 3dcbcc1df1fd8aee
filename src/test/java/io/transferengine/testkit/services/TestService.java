// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit.services;

import java.util.Map;

/** A metadata service that a test has started on a free port of the loopback, and can stop. */
public interface TestService extends AutoCloseable {
  /** {@return what engines are given as their metadata server} */
  String connectionString();

  /** {@return the variables that engines need to use it, besides the address} */
  default Map<String, String> environment() {
    return Map.of();
  }

  /** Ends it at once, as SIGKILL does; what it held is lost unless it keeps it on disk. */
  void kill();

  /** Starts it again on the same port. */
  void restart();

  @Override
  void close();
}
