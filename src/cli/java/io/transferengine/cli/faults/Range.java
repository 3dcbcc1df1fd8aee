// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

/** A range that was asked for, or can be. */
public record Range(long address, long length) {
  /** {@return whether it has all of another, which is not empty} */
  boolean holds(long otherAddress, long otherLength) {
    long from = otherAddress - address;
    return from >= 0 && from < length && otherLength <= length - from;
  }
}
