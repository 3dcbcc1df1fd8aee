// SPDX-License-Identifier: Apache-2.0
/**
 * The interface to metadata services, for authors of a client for another service. A {@link
 * io.transferengine.metadata.spi.MetadataStoreProvider} creates {@link
 * io.transferengine.metadata.spi.MetadataStore}s. {@code docs/EXTENDING.md} has an example.
 *
 * <p>Until version 1.0 these types may change with each minor version. If a method is added to an
 * interface that you implement, it has a default.
 */
@NullMarked
package io.transferengine.metadata.spi;

import org.jspecify.annotations.NullMarked;
