// SPDX-License-Identifier: Apache-2.0
/** The write side of the figures, for the engine and its transports. Users see only the readers. */
@NullMarked
package io.transferengine.metrics.recording;

import org.jspecify.annotations.NullMarked;
