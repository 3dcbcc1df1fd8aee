// SPDX-License-Identifier: Apache-2.0
/**
 * What peers tell each other about themselves, as values, and the JSON that carries it (protocol
 * sections 3, 4 and 5.3). The records are immutable; the codec is stateless and thread-safe.
 */
package io.transferengine.wire;
