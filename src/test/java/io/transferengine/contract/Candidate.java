// SPDX-License-Identifier: Apache-2.0
package io.transferengine.contract;

import java.util.function.LongFunction;

/**
 * A transport that has to hold what every transport has to.
 *
 * @param setup makes what it needs, out of a seed
 */
record Candidate(String name, LongFunction<TransportSetup> setup) {
  @Override
  public String toString() {
    return name;
  }
}
