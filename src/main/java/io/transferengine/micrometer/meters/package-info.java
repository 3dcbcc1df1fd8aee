// SPDX-License-Identifier: Apache-2.0
/** The meters themselves, and their text for Prometheus. Not for applications. */
@NullMarked
package io.transferengine.micrometer.meters;

import org.jspecify.annotations.NullMarked;
