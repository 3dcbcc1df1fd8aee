// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.transferengine.logging.SystemError;
import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** {@link Processes} by {@code /proc}, and by a pidfd where it has to be exact. */
@SuppressWarnings("restricted") // one system call, with numbers only
public final class LinuxProcesses implements Processes {
  /** The same on all machines. */
  private static final long PIDFD_OPEN = 434;

  private static final Path PROC = Path.of("/proc");

  /** Field 22 of a stat file is the 20th behind the name in brackets. */
  private static final int START_FIELD = 19;

  private static final MethodHandle SYSCALL =
      CapturedErrno.function(
          "syscall",
          FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
          Linker.Option.firstVariadicArg(1));

  private final SystemCalls system = FfmSystemCalls.SHARED;

  /** Looks at this machine. */
  public LinuxProcesses() {}

  @Override
  public long startOf(int pid) {
    try {
      return Long.parseLong(behindName(PROC.resolve(pid + "/stat")).split(" ", -1)[START_FIELD]);
    } catch (IOException | RuntimeException unknown) {
      return -1;
    }
  }

  @Override
  public boolean isOfOurUser(int pid) {
    try {
      List<String> theirs = Files.readAllLines(status(pid), StandardCharsets.ISO_8859_1);
      List<String> ours = Files.readAllLines(status(own()), StandardCharsets.ISO_8859_1);
      return line(theirs, "Tgid:").equals("Tgid:\t" + pid)
          && line(theirs, "Uid:").equals(line(ours, "Uid:"));
    } catch (IOException | RuntimeException unknown) {
      return false;
    }
  }

  private static Path status(int pid) {
    return PROC.resolve(pid + "/status");
  }

  private static String line(List<String> lines, String field) {
    return lines.stream().filter(each -> each.startsWith(field)).findFirst().orElseThrow();
  }

  /** What follows the name, which may have blanks and brackets. */
  private static String behindName(Path stat) throws IOException {
    String line = Files.readString(stat, StandardCharsets.ISO_8859_1);
    return line.substring(line.lastIndexOf(')') + 2);
  }

  @Override
  public boolean hasEnded(int pid, long start) {
    int fd = pidfd(pid);
    if (fd < 0) {
      // ESRCH: nobody has the number. Or it is that of a thread now, or there are no pidfds here:
      // the kernel is older than 5.3, or a container's filter does not know the call.
      return CapturedErrno.get() == Errno.ESRCH.number()
          || isAnothers(pid, start)
          || isNobodys(pid);
    }
    try {
      // The descriptor is of whoever has the number now, and that does not change any more.
      if (isAnothers(pid, start)) {
        return true;
      }
      boolean[] ended = new boolean[1];
      system.awaitReadable(new int[] {fd}, ended, 0);
      return ended[0];
    } finally {
      system.close(fd);
    }
  }

  private static int pidfd(int pid) {
    try {
      return (int) (long) SYSCALL.invokeExact(CapturedErrno.state(), PIDFD_OPEN, (long) pid, 0L);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
  }

  @Override
  public Optional<Watch> watch(int pid, long start) {
    int fd = pidfd(pid);
    if (fd < 0) {
      return Optional.empty();
    }
    try {
      if (startOf(pid) == start) {
        Watch made = ProcessWatch.of(fd);
        fd = -1;
        return Optional.of(made);
      }
      return Optional.empty();
    } finally {
      if (fd >= 0) {
        system.close(fd);
      }
    }
  }

  /** A number is free again only when every thread of its process has ended. */
  private boolean isAnothers(int pid, long start) {
    long now = startOf(pid);
    return now >= 0 && now != start;
  }

  /** Whether {@code /proc}, which has our own, has none of that number. */
  private boolean isNobodys(int pid) {
    return startOf(pid) < 0 && startOf(own()) >= 0 && !Files.exists(PROC.resolve(pid + "/stat"));
  }

  @Override
  public boolean isStopped(int pid) {
    int threads = 0;
    try (DirectoryStream<Path> tasks = Files.newDirectoryStream(PROC.resolve(pid + "/task"))) {
      for (Path task : tasks) {
        try {
          if (behindName(task.resolve("stat")).charAt(0) != 'T') {
            return false;
          }
          threads++;
        } catch (NoSuchFileException ended) {
          // It touches nothing any more.
          threads++;
        }
      }
      return threads > 0;
    } catch (IOException | RuntimeException unknown) {
      return false;
    }
  }

  /** Twice, for the kernel writes it page by page while others map and unmap. */
  @Override
  public Optional<MemfdFile> memfd(int pid, long address, long bytes, String name) {
    Path maps = PROC.resolve(pid + "/maps");
    try {
      Optional<MemfdFile> found = ProcessMaps.memfd(maps, address, bytes, name);
      return found.isPresent() ? found : ProcessMaps.memfd(maps, address, bytes, name);
    } catch (IOException | RuntimeException unknown) {
      return Optional.empty();
    }
  }

  @Override
  public Optional<String> blindness() {
    try {
      String _ = Files.readString(PROC.resolve("self/stat"), StandardCharsets.ISO_8859_1);
      return Optional.empty();
    } catch (IOException | RuntimeException unreadable) {
      return Optional.of(
          "/proc cannot be read (%s). %s"
              .formatted(
                  SystemError.text(unreadable), SystemError.remedy(unreadable, "Mount /proc")));
    }
  }

  @Override
  public int own() {
    return (int) ProcessHandle.current().pid();
  }

  @Override
  public String bootId() {
    try {
      return Files.readString(PROC.resolve("sys/kernel/random/boot_id")).strip();
    } catch (IOException | RuntimeException unknown) {
      return "";
    }
  }

  @Override
  public long pidNamespace() {
    try {
      return ((Number) Files.getAttribute(PROC.resolve("self/ns/pid"), "unix:ino")).longValue();
    } catch (IOException | RuntimeException unknown) {
      return 0;
    }
  }
}
