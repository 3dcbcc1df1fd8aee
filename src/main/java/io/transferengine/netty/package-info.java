// SPDX-License-Identifier: Apache-2.0
/** Netty's {@code ByteBuf} as memory of transfers. */
@NullMarked
package io.transferengine.netty;

import org.jspecify.annotations.NullMarked;
