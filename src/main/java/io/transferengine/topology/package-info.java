// SPDX-License-Identifier: Apache-2.0
/** Which network devices are near which memory. */
@NullMarked
package io.transferengine.topology;

import org.jspecify.annotations.NullMarked;
