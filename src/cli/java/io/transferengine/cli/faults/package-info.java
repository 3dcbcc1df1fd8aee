// SPDX-License-Identifier: Apache-2.0
/**
 * Faults, and what finds their damage. A {@link io.transferengine.cli.faults.Relay} stands between
 * two processes and follows the protocol; a {@link io.transferengine.cli.faults.Trap} strikes at a
 * byte of it. {@link io.transferengine.cli.faults.CheckedMemory} knows what memory has to hold.
 * Nothing here uses the engine.
 */
package io.transferengine.cli.faults;
