// SPDX-License-Identifier: Apache-2.0
/**
 * Helpers for every layer: to put text from strangers into a log or an error text safely, and to go
 * on after a failure.
 */
package io.transferengine.logging;
