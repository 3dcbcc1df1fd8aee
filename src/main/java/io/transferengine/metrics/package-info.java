// SPDX-License-Identifier: Apache-2.0
/** What the engine counts, and how to read it. */
@NullMarked
package io.transferengine.metrics;

import org.jspecify.annotations.NullMarked;
