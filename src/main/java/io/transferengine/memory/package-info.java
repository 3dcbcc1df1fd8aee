// SPDX-License-Identifier: Apache-2.0
/**
 * Memory that transfers may touch: which ranges are registered, how many transfers use each of them
 * right now, and pools from which registered memory is handed out.
 *
 * <p>Addresses are plain {@code long} values of this process, always positive: user space ends far
 * below 2<sup>63</sup> on every system that Java runs on.
 */
package io.transferengine.memory;
