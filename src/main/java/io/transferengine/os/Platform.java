// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import java.lang.foreign.Linker;

/** Which system this is. Elsewhere than on Linux only what Java itself offers is used. */
public final class Platform {
  /** A call that only Linux has. */
  private static final boolean LINUX = has("process_vm_readv");

  private Platform() {}

  private static boolean has(String call) {
    try {
      return Linker.nativeLinker().defaultLookup().find(call).isPresent();
    } catch (UnsupportedOperationException noLinker) {
      return false; // This Java can call nothing.
    }
  }

  /** {@return whether Linux's system calls may be made, with its numbers} */
  public static boolean isLinux() {
    return LINUX;
  }
}
