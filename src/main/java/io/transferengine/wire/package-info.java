// SPDX-License-Identifier: Apache-2.0
/**
 * The records by which peers describe themselves to each other, and their JSON (protocol sections
 * 3, 4 and 5.3). The records are immutable; the codec is stateless and thread-safe.
 */
package io.transferengine.wire;
