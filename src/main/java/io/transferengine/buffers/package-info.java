// SPDX-License-Identifier: Apache-2.0
/**
 * Transfers over buffers that others count: held while the engine may touch them, and given back
 * whatever happens. {@code netty} and {@code arrow} are made of it; so can adapters of other pools.
 */
@NullMarked
package io.transferengine.buffers;

import org.jspecify.annotations.NullMarked;
