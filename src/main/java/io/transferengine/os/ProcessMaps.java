// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Looks for a mapping of a memfd in what the kernel says of a process, such as
 *
 * <pre>
 * 2345678000-2347680000 rw-s 00000000 00:01 12345      /memfd:te-area-00000000000000ff (deleted)
 * </pre>
 *
 * Only the process itself can have made such a line: who can merely write into its memory cannot.
 */
final class ProcessMaps {
  /**
   * What is read of one process: 65,530 mappings, which is Linux' usual limit, with names of usual
   * length have 8 MiB.
   */
  private static final long BYTES_LIMIT = 16 << 20;

  /** What is kept of a line; a name of a file has 4,096 bytes at most, and is not looked for. */
  private static final int LINE_LIMIT = 256;

  private static final int BUFFER_BYTES = 1 << 16;

  private ProcessMaps() {}

  /**
   * {@return the memfd of which a mapping begins at an address, from its first byte on; empty if
   * there is none, or it is shorter, or cannot be read and written, or has another name}
   */
  static Optional<Processes.MemfdFile> memfd(Path maps, long address, long bytes, String name)
      throws IOException {
    byte[] line = new byte[LINE_LIMIT];
    int length = 0;
    try (InputStream in = new BufferedInputStream(Files.newInputStream(maps), BUFFER_BYTES)) {
      for (long read = 0; read < BYTES_LIMIT; read++) {
        int next = in.read();
        if (next < 0) {
          return Optional.empty();
        }
        if (next != '\n') {
          if (length < LINE_LIMIT) {
            line[length] = (byte) next;
          }
          length++;
          continue;
        }
        if (startsAt(line, length, address)) {
          return length > LINE_LIMIT
              ? Optional.empty()
              : memfd(
                  new String(line, 0, length, StandardCharsets.ISO_8859_1), address, bytes, name);
        }
        length = 0;
      }
    }
    throw new IOException(maps + " has more than " + (BYTES_LIMIT >> 20) + " MiB");
  }

  /** Without making a text of each line: there are thousands, and one is looked for. */
  private static boolean startsAt(byte[] line, int length, long address) {
    long start = 0;
    for (int i = 0; i < Math.min(length, LINE_LIMIT); i++) {
      int digit = Character.digit(line[i], 16);
      if (digit < 0) {
        return i > 0 && line[i] == '-' && start == address;
      }
      start = start << 4 | digit;
    }
    return false;
  }

  private static Optional<Processes.MemfdFile> memfd(
      String line, long address, long bytes, String name) {
    String[] fields = line.split(" +", 6);
    int dash = fields[0].indexOf('-');
    try {
      boolean found =
          fields.length == 6
              && Long.parseUnsignedLong(fields[0], dash + 1, fields[0].length(), 16) - address
                  >= bytes
              && fields[1].equals("rw-s")
              && Long.parseLong(fields[2], 16) == 0
              && fields[5].equals("/memfd:" + name + " (deleted)");
      return found
          ? Optional.of(new Processes.MemfdFile(fields[3], Long.parseLong(fields[4])))
          : Optional.empty();
    } catch (NumberFormatException notAsLinuxWritesIt) {
      return Optional.empty();
    }
  }
}
