// SPDX-License-Identifier: Apache-2.0
/** What every transport has to hold, whatever carries the bytes. */
package io.transferengine.contract;
