// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Which libraries this process has loaded, whoever has loaded them. */
public final class MappedLibraries {
  private static final Path SELF_MAPS = Path.of("/proc/self/maps");

  private MappedLibraries() {}

  /**
   * {@return whether a library is mapped into this process, as the kernel says} False where that
   * cannot be found out. Takes about a millisecond.
   *
   * @param name what its file's name begins with: {@code libcuda.so}
   */
  public static boolean contains(String name) {
    return contains(SELF_MAPS, name);
  }

  static boolean contains(Path maps, String name) {
    String wanted = "/" + name;
    // File names in it may hold any bytes: Latin-1 decodes all of them.
    try (var lines = Files.newBufferedReader(maps, StandardCharsets.ISO_8859_1)) {
      for (var line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.startsWith(wanted, line.lastIndexOf('/'))) {
          return true;
        }
      }
      return false;
    } catch (IOException notThere) {
      return false;
    }
  }
}
