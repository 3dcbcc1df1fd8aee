// SPDX-License-Identifier: Apache-2.0
/**
 * An engine's figures as meters of Micrometer, which the application brings ({@code
 * io.micrometer:micrometer-core}). That library is no named module, so where this one is, the JVM
 * needs {@code --add-reads io.transferengine=micrometer.core}.
 */
@NullMarked
package io.transferengine.micrometer;

import org.jspecify.annotations.NullMarked;
