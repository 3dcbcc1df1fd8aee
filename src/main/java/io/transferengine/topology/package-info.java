// SPDX-License-Identifier: Apache-2.0
/** Which network devices are near which memory. */
package io.transferengine.topology;
