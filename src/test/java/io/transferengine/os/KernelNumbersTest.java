// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.Needs;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The numbers and structures of Linux that are written down in this package, against the headers of
 * this machine: once as its C library has them, and once the kernel's generic ones, which are those
 * of aarch64. There the kernel's own headers change four flags of {@code open} and add some of
 * {@code mmap}; none of them is used here. Nothing is run: gcc compares.
 */
@Timeout(120)
class KernelNumbersTest {
  private static final String C_LIBRARY =
      """
      #define _GNU_SOURCE
      #include <errno.h>
      #include <fcntl.h>
      #include <linux/futex.h>
      #include <poll.h>
      #include <stddef.h>
      #include <sys/epoll.h>
      #include <sys/eventfd.h>
      #include <sys/mman.h>
      #include <sys/socket.h>
      #include <sys/syscall.h>
      #include <sys/uio.h>
      """;

  /** The packed epoll_event is x86-64's alone. */
  private static final String GENERIC =
      """
      #include <stddef.h>
      #include <linux/types.h>
      #include <linux/fcntl.h>
      #undef __x86_64__
      #include <linux/eventpoll.h>
      #include <linux/futex.h>
      #include <linux/memfd.h>
      #include <linux/mman.h>
      #include <linux/uio.h>
      #include <asm-generic/errno.h>
      #include <asm-generic/mman.h>
      #include <asm-generic/poll.h>
      #include <asm-generic/unistd.h>
      """;

  private record Owner(Class<?> type, List<String> names) {}

  /** Constants that are called as C calls them. */
  private static final List<Owner> NAMED =
      List.of(
          new Owner(FfmSystemCalls.class, List.of("POLLIN", "F_GETFL", "F_SETFL", "O_NONBLOCK")),
          new Owner(
              SharedMapping.class,
              List.of("O_RDONLY", "O_RDWR", "O_NOCTTY", "O_NONBLOCK", "O_CLOEXEC")),
          new Owner(SocketCopy.class, List.of("F_DUPFD_CLOEXEC")),
          new Owner(ProcessWatch.class, List.of("EPOLLIN", "EPOLL_CTL_ADD")),
          new Owner(
              Memfd.class,
              List.of(
                  "MFD_CLOEXEC",
                  "MFD_ALLOW_SEALING",
                  "MFD_HUGETLB",
                  "F_ADD_SEALS",
                  "F_GET_SEALS",
                  "F_SEAL_SEAL",
                  "F_SEAL_SHRINK",
                  "F_SEAL_GROW",
                  "F_SEAL_FUTURE_WRITE")),
          new Owner(LifeWord.class, List.of("FUTEX_TID_MASK")),
          new Owner(
              MemoryMaps.class,
              List.of(
                  "PROT_NONE",
                  "PROT_READ",
                  "MADV_DONTNEED",
                  "MADV_REMOVE",
                  "MADV_DONTFORK",
                  "MADV_POPULATE_WRITE",
                  "MAP_SHARED",
                  "MAP_PRIVATE",
                  "MAP_ANONYMOUS",
                  "MAP_NORESERVE",
                  "MAP_FIXED_NOREPLACE")));

  /** Calls with another number on each of the two machines. */
  private static final List<String> DIFFERENT = List.of("MOVE_PAGES", "GETTID", "SET_ROBUST_LIST");

  @Test
  void theyAreThoseOfThisMachine(@TempDir Path folder) throws Exception {
    List<String> asserts = both();
    asserts.add(equal("SHUT_RDWR", value(SocketCopy.class, "SHUT_RDWR")));
    asserts.add(equal("MSG_DONTWAIT", value(SocketCopy.class, "MSG_DONTWAIT")));
    asserts.add(equal("MSG_NOSIGNAL", value(SocketCopy.class, "MSG_NOSIGNAL")));
    asserts.add(equal("EFD_NONBLOCK", value(FfmSystemCalls.class, "EFD_NONBLOCK")));
    asserts.add(equal("EFD_CLOEXEC", value(FfmSystemCalls.class, "EFD_CLOEXEC")));
    asserts.add(equal("SYS_pidfd_open", value(LinuxProcesses.class, "PIDFD_OPEN")));
    String machine = System.getProperty("os.arch").equals("aarch64") ? "_AARCH64" : "_X86_64";
    for (String call : DIFFERENT) {
      asserts.add(
          equal(
              "SYS_" + call.toLowerCase(Locale.ROOT),
              value(SystemCallNumbers.class, call + machine)));
    }
    assertThat(complaints(folder, C_LIBRARY, asserts)).isEmpty();
  }

  @Test
  void theyAreThoseOfAarch64(@TempDir Path folder) throws Exception {
    List<String> asserts = both();
    asserts.add(equal("__NR_pidfd_open", value(LinuxProcesses.class, "PIDFD_OPEN")));
    for (String call : DIFFERENT) {
      asserts.add(
          equal(
              "__NR_" + call.toLowerCase(Locale.ROOT),
              value(SystemCallNumbers.class, call + "_AARCH64")));
    }
    // Here it is as long as the memory that we give, on x86-64 shorter.
    asserts.add("sizeof(struct epoll_event) == 16");
    assertThat(complaints(folder, GENERIC, asserts)).isEmpty();
  }

  @Test
  void aWrongNumberIsFound(@TempDir Path folder) throws Exception {
    assertThat(complaints(folder, C_LIBRARY, List.of(equal("POLLIN", 3), "sizeof(int) == 4")))
        .singleElement()
        .asString()
        .contains("(POLLIN) == 3");
  }

  private static List<String> both() throws ReflectiveOperationException {
    List<String> asserts = new ArrayList<>();
    for (Owner owner : NAMED) {
      for (String name : owner.names) {
        asserts.add(equal(name, value(owner.type, name)));
      }
    }
    for (Errno errno : Errno.values()) {
      asserts.add(equal(errno.name(), errno.number()));
    }
    asserts.add(equal("PROT_READ | PROT_WRITE", value(MemoryMaps.class, "PROT_READ_WRITE")));
    asserts.add(equal("EPOLL_CLOEXEC", value(ProcessWatch.class, "EPOLL_CLOEXEC")));
    asserts.add(equal("sizeof(struct pollfd)", FfmSystemCalls.POLLFD_BYTES));
    asserts.add(equal("offsetof(struct pollfd, events)", FfmSystemCalls.POLLFD_EVENTS));
    asserts.add(
        equal("offsetof(struct pollfd, revents)", value(FfmSystemCalls.class, "POLLFD_REVENTS")));
    asserts.add(equal("sizeof(struct iovec)", value(IoVectors.class, "BYTES")));
    asserts.add(equal("offsetof(struct iovec, iov_len)", value(IoVectors.class, "LENGTH")));
    asserts.add("sizeof(struct epoll_event) <= " + value(ProcessWatch.class, "EPOLL_EVENT_BYTES"));
    asserts.add("offsetof(struct epoll_event, events) == 0");
    asserts.add(equal("sizeof(struct robust_list_head)", value(LifeWord.class, "HEAD_BYTES")));
    asserts.add("offsetof(struct robust_list_head, list) == 0");
    asserts.add(
        equal(
            "offsetof(struct robust_list_head, futex_offset)",
            value(LifeWord.class, "HEAD_OFFSET_AT")));
    return asserts;
  }

  private static String equal(String expression, long value) {
    return "(" + expression + ") == " + value;
  }

  private static long value(Class<?> type, String name) throws ReflectiveOperationException {
    Field field = type.getDeclaredField(name);
    field.setAccessible(true);
    return ((Number) field.get(null)).longValue();
  }

  /** What gcc does not agree to. */
  private static List<String> complaints(Path folder, String headers, List<String> asserts)
      throws IOException, InterruptedException {
    StringBuilder program = new StringBuilder(headers);
    for (String each : asserts) {
      program.append("_Static_assert(%s, \"%s\");\n".formatted(each, each));
    }
    Path source = Files.writeString(folder.resolve("numbers.c"), program);
    Process gcc;
    try {
      gcc =
          new ProcessBuilder("gcc", "-std=gnu11", "-fsyntax-only", source.toString())
              .redirectErrorStream(true)
              .start();
    } catch (IOException e) {
      Needs.that(false, "no gcc (" + e.getMessage() + "): install the package gcc");
      return List.of();
    }
    try {
      List<String> lines = gcc.inputReader().readAllLines();
      assertThat(gcc.waitFor(60, TimeUnit.SECONDS)).isTrue();
      return lines.stream().filter(line -> line.contains("error:")).toList();
    } finally {
      gcc.destroyForcibly();
    }
  }
}
