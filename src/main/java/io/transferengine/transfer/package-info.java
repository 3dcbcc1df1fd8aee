// SPDX-License-Identifier: Apache-2.0
/**
 * Values that every layer speaks: operations, states, errors. Depends on {@code java.base} only.
 */
package io.transferengine.transfer;
