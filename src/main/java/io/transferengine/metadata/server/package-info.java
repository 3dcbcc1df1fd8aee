// SPDX-License-Identifier: Apache-2.0
/** An HTTP metadata server for C++, Python and Java engines. */
@NullMarked
package io.transferengine.metadata.server;

import org.jspecify.annotations.NullMarked;
