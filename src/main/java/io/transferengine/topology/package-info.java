// SPDX-License-Identifier: Apache-2.0
/** RDMA devices, and the memory that each is near. */
@NullMarked
package io.transferengine.topology;

import org.jspecify.annotations.NullMarked;
