// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.MemorySegment;

/**
 * Whether the JVM lets us work with memory by its address. Asked when an engine opens: later, a
 * refusal would look like a failure of whatever came first.
 */
public final class NativeAccess {
  private NativeAccess() {}

  /**
   * Returns when native access is allowed, with or without the JVM's warning.
   *
   * @throws TransferException NOT_IMPLEMENTED with the option that allows it
   */
  public static void require() {
    try {
      tryIt();
    } catch (IllegalCallerException e) {
      Module module = NativeAccess.class.getModule();
      throw new TransferException(
          ErrorCode.NOT_IMPLEMENTED,
          "This JVM refuses native access, which every transfer needs: " + e.getMessage(),
          module.isNamed()
              ? "Start it with --enable-native-access=" + module.getName() + ",io.netty.common"
              : "Start it with --enable-native-access=ALL-UNNAMED",
          e);
    }
  }

  /** Module.isNativeAccessEnabled() does not tell a refusal from a warning. */
  @SuppressWarnings("restricted") // To be refused, or not, is its purpose.
  private static void tryIt() {
    var _ = MemorySegment.NULL.reinterpret(1);
  }
}
