// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Numbers of system calls that differ between x86-64 and aarch64, for the machine of Java's own
 * executable. Elsewhere they are -1: the kernel answers ENOSYS to a number that does not exist.
 * Loaded at the first use.
 */
final class SystemCallNumbers {
  // elf.h
  private static final int ELF_MACHINE_OFFSET = 18;
  private static final int ELF_X86_64 = 62;
  private static final int ELF_AARCH64 = 183;

  // the kernel's tables of system calls
  private static final long MOVE_PAGES_X86_64 = 279;
  private static final long MOVE_PAGES_AARCH64 = 239;
  private static final long GETTID_X86_64 = 186;
  private static final long GETTID_AARCH64 = 178;
  private static final long SET_ROBUST_LIST_X86_64 = 273;
  private static final long SET_ROBUST_LIST_AARCH64 = 99;

  private static final int MACHINE = machine();

  static final long MOVE_PAGES = here(MOVE_PAGES_X86_64, MOVE_PAGES_AARCH64);
  static final long GETTID = here(GETTID_X86_64, GETTID_AARCH64);
  static final long SET_ROBUST_LIST = here(SET_ROBUST_LIST_X86_64, SET_ROBUST_LIST_AARCH64);

  private SystemCallNumbers() {}

  private static int machine() {
    try (InputStream executable = Files.newInputStream(Path.of("/proc/self/exe"))) {
      executable.skipNBytes(ELF_MACHINE_OFFSET);
      return executable.read() | executable.read() << Byte.SIZE;
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
  }

  private static long here(long x86, long arm) {
    return switch (MACHINE) {
      case ELF_X86_64 -> x86;
      case ELF_AARCH64 -> arm;
      default -> -1;
    };
  }
}
