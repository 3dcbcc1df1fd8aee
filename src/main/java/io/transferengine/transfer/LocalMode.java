// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

/**
 * Whether engines on the same machine move bytes without a network: the one that asks copies them.
 */
public enum LocalMode {
  /** No. */
  OFF,
  /** Where both engines can; otherwise over the network. */
  AUTO,
  /** Always: the engine does not open without, and transfers to peers elsewhere fail. */
  REQUIRED
}
