// SPDX-License-Identifier: Apache-2.0
/**
 * Arrow's {@code ArrowBuf} as memory of transfers, for applications that have Arrow ({@code
 * org.apache.arrow:arrow-memory-core}). Where this is a named module, the JVM needs {@code
 * --add-reads io.transferengine=org.apache.arrow.memory.core}.
 */
@NullMarked
package io.transferengine.arrow;

import org.jspecify.annotations.NullMarked;
