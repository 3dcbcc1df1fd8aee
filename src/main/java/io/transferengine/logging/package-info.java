// SPDX-License-Identifier: Apache-2.0
/**
 * What every layer needs for putting strangers' doings into a log or an error text, and for going
 * on after a failure.
 */
package io.transferengine.logging;
