// SPDX-License-Identifier: Apache-2.0
/**
 * Values that every layer speaks: operations, states, errors. Depends on {@code java.base} only.
 */
@NullMarked
package io.transferengine.transfer;

import org.jspecify.annotations.NullMarked;
