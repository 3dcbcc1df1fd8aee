// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The user that this process runs as. */
public final class OwnUser {
  private static final Path STATUS = Path.of("/proc/self/status");

  /** {@code Uid:}, the real one, the effective one, and two more. */
  private static final int EFFECTIVE = 2;

  private OwnUser() {}

  /**
   * {@return its number, to which the files belong that it makes}
   *
   * @throws IOException if it cannot be found out
   */
  public static int id() throws IOException {
    try (var lines = Files.lines(STATUS, StandardCharsets.ISO_8859_1)) {
      String line = lines.filter(each -> each.startsWith("Uid:")).findFirst().orElse("");
      return Integer.parseUnsignedInt(List.of(line.split("\t", -1)).get(EFFECTIVE));
    } catch (IndexOutOfBoundsException | NumberFormatException e) {
      throw new IOException(STATUS + " names no user", e);
    }
  }
}
