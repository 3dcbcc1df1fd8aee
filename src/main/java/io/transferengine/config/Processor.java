// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import java.util.Locale;

/** The kind of processor that this JVM runs on. */
public final class Processor {
  private Processor() {}

  /** {@return its name in Netty's native libraries: x86_64, aarch_64, or what Java calls it} */
  public static String nettyName() {
    String name = System.getProperty("os.arch", "").toLowerCase(Locale.ROOT);
    return switch (name) {
      case "amd64" -> "x86_64";
      case "aarch64" -> "aarch_64";
      default -> name;
    };
  }
}
