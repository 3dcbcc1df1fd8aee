// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.transfer.TransferException;
import org.jspecify.annotations.Nullable;

/** Who waits for a copy. */
public interface CopyCompletion {
  /**
   * The copy is over, and nothing touches its host memory any more. Called once, on the thread of
   * the copies; must not block.
   *
   * @param failure null if all bytes are where they belong
   */
  void copied(@Nullable TransferException failure);
}
