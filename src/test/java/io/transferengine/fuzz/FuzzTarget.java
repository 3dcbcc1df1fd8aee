// SPDX-License-Identifier: Apache-2.0
package io.transferengine.fuzz;

import java.io.Closeable;
import java.io.IOException;

/**
 * What is done with each input. Runs on one thread. The same input must lead to the same calls, for
 * an input that found something is kept and repeated.
 */
public interface FuzzTarget extends Closeable {
  /**
   * Hands an input to the code under test, and checks what must hold.
   *
   * @param input any bytes; not to be changed
   * @throws Exception whatever is thrown is a finding
   */
  void run(byte[] input) throws Exception;

  /** Gives back what all inputs shared. */
  @Override
  default void close() throws IOException {}
}
