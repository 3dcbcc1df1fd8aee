// SPDX-License-Identifier: Apache-2.0
/** {@code metadata-server} and {@code segments}: who is registered, and where. */
package io.transferengine.cli.metadata;
