// SPDX-License-Identifier: Apache-2.0
/** The figures of an engine, to read. */
@NullMarked
package io.transferengine.metrics;

import org.jspecify.annotations.NullMarked;
