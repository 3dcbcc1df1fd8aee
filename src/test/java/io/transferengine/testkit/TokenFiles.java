// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/** Files of tokens, as a user would write them. */
public final class TokenFiles {
  /** A secret of 64 bytes. */
  public static final String SECRET = "0123456789abcdef".repeat(4);

  /** Another one. */
  public static final String OTHER_SECRET = "fedcba9876543210".repeat(4);

  private TokenFiles() {}

  /** {@return a file with these lines, which nobody but its owner may read} */
  public static Path write(Path file, String... lines) {
    try {
      Files.writeString(file, String.join("\n", lines) + "\n");
      return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
