// SPDX-License-Identifier: Apache-2.0
/** The write side of the figures, for the engine and its transports; users see the readers only. */
@NullMarked
package io.transferengine.metrics.recording;

import org.jspecify.annotations.NullMarked;
