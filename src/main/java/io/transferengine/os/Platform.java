// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import java.lang.foreign.Linker;

/** Which system this is. Elsewhere than on Linux only what Java itself offers is used. */
public final class Platform {
  /** A call that only Linux has. */
  private static final boolean LINUX =
      Linker.nativeLinker().defaultLookup().find("process_vm_readv").isPresent();

  private Platform() {}

  /** {@return whether Linux's system calls may be made, with its numbers} */
  public static boolean isLinux() {
    return LINUX;
  }
}
