// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.os.Errno;
import io.transferengine.os.IoVectors;
import io.transferengine.os.ProcessMemory;
import io.transferengine.os.Processes;
import io.transferengine.wire.HostDescriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;
import java.util.OptionalLong;

/** Finds out whether what a process says of itself is true, by reading its area. */
final class PeerArea {
  private PeerArea() {}

  /**
   * {@return why its memory cannot be copied from here; empty if it can}
   *
   * @param incarnation what its descriptor says
   */
  static Optional<String> problem(
      ProcessMemory memory, Processes processes, HostDescriptor host, long incarnation) {
    return problem(memory, processes, host, OptionalLong.of(incarnation));
  }

  /** {@return why a process has no area where it says; empty if it has} */
  static Optional<String> problem(ProcessMemory memory, Processes processes, HostDescriptor host) {
    return problem(memory, processes, host, OptionalLong.empty());
  }

  private static Optional<String> problem(
      ProcessMemory memory, Processes processes, HostDescriptor host, OptionalLong incarnation) {
    MemorySegment header = Arena.ofAuto().allocate(AreaLayout.HEADER_BYTES, Long.BYTES);
    IoVectors into = new IoVectors(1);
    IoVectors from = new IoVectors(1);
    into.add(header.address(), AreaLayout.HEADER_BYTES);
    from.add(host.area(), AreaLayout.HEADER_BYTES);
    long copied = memory.read(host.pid(), into, from);
    if (copied == -Errno.EPERM.number()) {
      return Optional.of(
          "this process may not read process "
              + host.pid()
              + ": run both as one user, and with /proc/sys/kernel/yama/ptrace_scope 0 if there is"
              + " such a file");
    }
    if (copied != AreaLayout.HEADER_BYTES) {
      return Optional.of(
          "the area of process %d cannot be read: %s"
              .formatted(
                  host.pid(), copied < 0 ? Errno.describe((int) -copied) : "it is cut short"));
    }
    long found = header.get(ValueLayout.JAVA_LONG, AreaLayout.INCARNATION_AT);
    if (header.get(ValueLayout.JAVA_LONG, AreaLayout.MAGIC_AT) != AreaLayout.MAGIC
        || incarnation.orElse(found) != found
        || processes.startOf(host.pid()) != host.start()) {
      return Optional.of("process " + host.pid() + " is another engine by now");
    }
    return Optional.empty();
  }
}
