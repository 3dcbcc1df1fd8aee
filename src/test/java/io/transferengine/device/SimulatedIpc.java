// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * How simulated devices share memory with other processes, which may be in this JVM or in another:
 * the contents are files of one folder, and a handle names one. Who has one open has a file beside
 * it that says so, with the number of its JVM.
 */
public final class SimulatedIpc {
  private static final long MAGIC = 0x7369_6d75_6c61_7465L;

  /** Contents that a test of this JVM has made, instead of a file. */
  private static final Map<List<Long>, MemorySegment> MADE = new ConcurrentHashMap<>();

  private final @Nullable Path folder;
  private final long process;
  private long next;

  /** Whether devices reach each other. */
  volatile boolean peerAccess = true;

  /** Whether new memory can be opened by others. */
  volatile boolean hasHandles = true;

  private SimulatedIpc(@Nullable Path folder) {
    this.folder = folder;
    this.process = new SecureRandom().nextLong();
  }

  /** {@return those of one process, whose memory is in a folder that others have too} */
  public static SimulatedIpc in(Path folder) {
    return new SimulatedIpc(folder);
  }

  /** {@return of devices whose memory nobody else can open} */
  static SimulatedIpc none() {
    return new SimulatedIpc(null);
  }

  /** From now on devices do not reach each other. */
  public void refusePeerAccess() {
    peerAccess = false;
  }

  /** From now on new memory is as that of cuMemMap: it has no handles. */
  public void allocateWithoutHandles() {
    hasHandles = false;
  }

  long process() {
    return process;
  }

  /** {@return a handle for new memory; empty if others cannot open it} */
  synchronized List<Long> handle(int device, long bytes) {
    return folder == null || !hasHandles
        ? List.of()
        : List.of(MAGIC, process, next++, (long) device, bytes, 0L, 0L, 0L);
  }

  private Path folder() {
    if (folder == null) {
      throw new AssertionError("no folder");
    }
    return folder;
  }

  private Path file(List<Long> handle) {
    return folder().resolve("%x-%d".formatted(handle.get(1), handle.get(2)));
  }

  /** {@return the contents of memory with a handle, which is new} */
  MemorySegment create(List<Long> handle, Arena arena) {
    return map(handle, arena, true);
  }

  /** From now on contents of this JVM can be opened in it. */
  void share(List<Long> handle, MemorySegment contents) {
    try {
      Files.createFile(file(handle));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    MADE.put(handle, contents);
  }

  /** {@return the contents, of whichever process; null if it is not there any more} */
  @Nullable MemorySegment open(List<Long> handle, Arena arena) {
    if (folder == null || handle.get(0) != MAGIC || !Files.exists(file(handle))) {
      return null;
    }
    try {
      Files.createFile(mark(handle));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    MemorySegment made = MADE.get(handle);
    return made == null ? map(handle, arena, false) : made;
  }

  private Path mark(List<Long> handle) {
    return Path.of(file(handle) + "-open-" + ProcessHandle.current().pid() + "-" + process);
  }

  /** It is open no more. */
  void closed(List<Long> handle) {
    try {
      Files.delete(mark(handle));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private MemorySegment map(List<Long> handle, Arena arena, boolean isNew) {
    try (FileChannel channel =
        FileChannel.open(
            file(handle),
            isNew ? StandardOpenOption.CREATE_NEW : StandardOpenOption.READ,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE)) {
      return channel.map(FileChannel.MapMode.READ_WRITE, 0, handle.get(4), arena);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Memory with a handle is freed: no process that lives may have it open. */
  void freed(List<Long> handle) {
    String prefix = file(handle).getFileName() + "-open-";
    try (Stream<Path> all = Files.list(folder())) {
      List<String> open =
          all.map(each -> each.getFileName().toString())
              .filter(name -> name.startsWith(prefix) && isAlive(name.substring(prefix.length())))
              .toList();
      if (!open.isEmpty()) {
        throw new AssertionError("freed while it is open: " + open);
      }
      Files.delete(file(handle));
      MADE.remove(handle);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static boolean isAlive(String owner) {
    long pid = Long.parseLong(owner.substring(0, owner.indexOf('-')));
    return ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false);
  }
}
