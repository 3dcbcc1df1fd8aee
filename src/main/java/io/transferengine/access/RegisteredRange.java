// SPDX-License-Identifier: Apache-2.0
package io.transferengine.access;

/** A registration, as an {@link AccessPolicy} sees it. Made by the engine only. Thread-safe. */
public interface RegisteredRange {
  /** {@return the first byte's address} */
  long address();

  /** {@return the length in bytes} */
  long length();

  /** {@return where the memory is: {@code *}, {@code cpu:N} or {@code cuda:N}} */
  String location();

  /** {@return what its registration lets peers do} */
  AccessRights rights();
}
