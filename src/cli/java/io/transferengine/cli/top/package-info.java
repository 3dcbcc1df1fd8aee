// SPDX-License-Identifier: Apache-2.0
/** Shows what the engines of this machine do, from their counters files. */
package io.transferengine.cli.top;
