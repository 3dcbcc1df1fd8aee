// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Files that may be something else by the time they are opened. */
@Timeout(60)
class UnwaitedFileTest {
  @TempDir private Path folder = Path.of("");

  @Test
  void asMuchIsReadAsThereIsUpToTheLimit() throws IOException {
    byte[] bytes = new byte[10_000];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) i;
    }
    Path file = Files.write(folder.resolve("f\u00fcr"), bytes);
    assertThat(UnwaitedFile.read(file, 20_000)).isEqualTo(bytes);
    assertThat(UnwaitedFile.read(file, 4096)).isEqualTo(Arrays.copyOf(bytes, 4096));
    assertThat(UnwaitedFile.read(Files.createFile(folder.resolve("empty")), 9)).isEmpty();
  }

  /** Without the mend, this waits for somebody who writes to it. */
  @Test
  void aPipeIsNotWaitedFor() throws Exception {
    Path fifo = folder.resolve("fifo");
    assertThat(new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor()).isZero();
    assertThat(UnwaitedFile.read(fifo, 100)).isEmpty();
  }

  @Test
  void whatCannotBeReadIsNamed() throws IOException {
    Path none = folder.resolve("none");
    assertThatThrownBy(() -> UnwaitedFile.read(none, 9)).isInstanceOf(NoSuchFileException.class);
    Path link =
        Files.createSymbolicLink(
            folder.resolve("link"), Files.createFile(folder.resolve("target")));
    assertThatThrownBy(() -> UnwaitedFile.read(link, 9))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(link + " cannot be opened: ");
    assertThatThrownBy(() -> UnwaitedFile.read(folder, 9))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(folder + " cannot be read: ");
  }
}
