// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

/** A question about a range of the peer's memory. */
public interface RangeTest {
  /** {@return the answer for the range from {@code from} up to, and without, {@code to}} */
  boolean test(long from, long to);
}
