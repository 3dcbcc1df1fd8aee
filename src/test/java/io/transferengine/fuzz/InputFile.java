// SPDX-License-Identifier: Apache-2.0
package io.transferengine.fuzz;

import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A file that holds each input in turn, for decoders that read files. */
public final class InputFile implements Closeable {
  private final Path file;

  /** Makes an empty one. */
  public InputFile() {
    try {
      file = Files.createTempFile("te-fuzz", ".input");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** {@return the file, with this in it} */
  public Path with(byte[] input) throws IOException {
    return Files.write(file, input);
  }

  @Override
  public void close() throws IOException {
    Files.delete(file);
  }
}
