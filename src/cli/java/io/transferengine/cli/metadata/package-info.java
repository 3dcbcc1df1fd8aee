// SPDX-License-Identifier: Apache-2.0
/** {@code metadata-server} and {@code segments}: the registered engines. */
package io.transferengine.cli.metadata;
