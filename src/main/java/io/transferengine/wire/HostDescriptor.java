// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

/**
 * Which process of which machine an engine is, and where it can be reached there without a network
 * (ADR 39). Only a claim: who acts on it has to see for itself.
 *
 * @param bootId which start of which machine: 1 to {@link #BOOT_ID_LENGTH_MAX} characters
 * @param pidNamespace the number space that {@code pid} is in
 * @param pid the process's number there, positive
 * @param start when the process began, in clock ticks since the machine's start
 * @param area where it has its area for peers on the machine
 */
public record HostDescriptor(String bootId, long pidNamespace, int pid, long start, long area) {
  /** Linux' own have 36. */
  static final int BOOT_ID_LENGTH_MAX = 64;

  /** {@return whether two processes have the same machine, and see each other's numbers there} */
  public boolean isBeside(HostDescriptor other) {
    return bootId.equals(other.bootId) && pidNamespace == other.pidNamespace;
  }
}
