// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Reads files and folders of /proc. Those of a process that has ended are empty. */
final class ProcFiles {
  /** The column of the inode in net/tcp and net/tcp6, the first being 0. */
  static final int TCP_INODE_COLUMN = 9;

  /** The column of the inode in net/unix. */
  static final int UNIX_INODE_COLUMN = 6;

  private ProcFiles() {}

  /** {@return the folder of a process} */
  static Path of(long pid) {
    return Path.of("/proc", Long.toString(pid));
  }

  /** {@return the lines of a file; none if it is not there} */
  static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (NoSuchFileException e) {
      return List.of(); // The process has ended, or the machine has no such table.
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** {@return what a folder has; nothing if it is not there} */
  static List<Path> entries(Path folder) {
    List<Path> all = new ArrayList<>();
    try (var entries = Files.newDirectoryStream(folder)) {
      entries.forEach(all::add);
      return all;
    } catch (NoSuchFileException e) {
      return List.of(); // The process has ended.
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
