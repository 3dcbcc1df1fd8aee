// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.transferengine.memory.OffHeapSource;
import io.transferengine.os.Errno;
import io.transferengine.os.IoVectors;
import io.transferengine.os.LifeWatch;
import io.transferengine.os.LifeWord;
import io.transferengine.os.NativeCallException;
import io.transferengine.os.ProcessMemory;
import io.transferengine.os.Processes;
import io.transferengine.os.SharedMapping;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.HostDescriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Finds out whether what processes say of themselves is true, by reading their areas. Thread-safe.
 *
 * <p>Strangers may write into memory that a process has registered, over the network, and so put
 * something there that looks like an area. So what looks like one has to be a mapping that only the
 * process itself can have made: of a memfd with a name that says so.
 */
final class PeerAreas {
  /** A request for a lease that was found true. */
  record Ask(long incarnation, long number) {}

  private final ProcessMemory memory;
  private final Processes processes;
  private final String memfds;

  /** Areas that are remembered; of one that was not used for longest the maps are read again. */
  private static final int PROVED_LIMIT = 4096;

  private record Proved(HostDescriptor host, long incarnation) {}

  /**
   * Areas that were seen among the mappings of their processes, in the order of use. To read those
   * of a process that has many takes milliseconds, and it may ask for a lease as often as it likes.
   * Nothing else comes to be at an area's place, which is a random one: what is read there shows
   * whether it is there still.
   */
  private final LinkedHashMap<Proved, Boolean> proved = new LinkedHashMap<>(16, 0.75f, true);

  /**
   * What finds it out for one engine.
   *
   * @param memfds the device of the memfds of this machine
   */
  PeerAreas(ProcessMemory memory, Processes processes, String memfds) {
    this.memory = memory;
    this.processes = processes;
    this.memfds = memfds;
  }

  /** Words of one process, read in one call. */
  private record Words(MemorySegment memory, long copied) {
    long get(long at) {
      return memory.get(JAVA_LONG, at);
    }
  }

  /** Reads a header and, behind it, so many bytes from another place. */
  private Words read(int pid, long area, long more, long moreBytes) {
    long bytes = AreaLayout.HEADER_BYTES + moreBytes;
    MemorySegment found = Arena.ofAuto().allocate(bytes, Long.BYTES);
    IoVectors into = new IoVectors(1);
    IoVectors from = new IoVectors(2);
    into.add(found.address(), bytes);
    from.add(area, AreaLayout.HEADER_BYTES);
    if (moreBytes > 0) {
      from.add(more, moreBytes);
    }
    return new Words(found, memory.read(pid, into, from));
  }

  /**
   * {@return why the memory of a process cannot be copied from here; empty if it can}
   *
   * @param incarnation what its descriptor says
   */
  Optional<String> problem(HostDescriptor host, long incarnation) {
    if (!processes.isOfOurUser(host.pid())) {
      return Optional.of(
          "process %d is not there, or belongs to another user than this one: run both as one user"
              .formatted(host.pid()));
    }
    Words header = read(host.pid(), host.area(), 0, 0);
    if (header.copied == -Errno.EPERM.number()) {
      return Optional.of(
          "this process may not read process "
              + host.pid()
              + ": run both as one user, and with /proc/sys/kernel/yama/ptrace_scope 0 if there is"
              + " such a file");
    }
    if (header.copied != AreaLayout.HEADER_BYTES) {
      return Optional.of(
          "the area of process %d cannot be read: %s"
              .formatted(
                  host.pid(),
                  header.copied < 0 ? Errno.describe((int) -header.copied) : "it is cut short"));
    }
    if (AreaLayout.isOtherVersion(header.get(AreaLayout.MAGIC_AT))) {
      return Optional.of(
          "process %d has another version of this library: copies need the same on both sides"
              .formatted(host.pid()));
    }
    if (header.get(AreaLayout.MAGIC_AT) != AreaLayout.MAGIC
        || header.get(AreaLayout.INCARNATION_AT) != incarnation) {
      return Optional.of("process " + host.pid() + " is another engine by now");
    }
    return unproved(host, incarnation);
  }

  /** {@return why what looks like the area of a process is none} */
  private Optional<String> unproved(HostDescriptor host, long incarnation) {
    Proved area = new Proved(host, incarnation);
    if (!isKnown(area) && memfd(host, incarnation).isEmpty()) {
      return Optional.of(
          "process %d has not made the area that it is said to have at 0x%x, or /proc/%d/maps cannot"
                  .formatted(host.pid(), host.area(), host.pid())
              + " be read");
    }
    // Last: who has had the number since then is who was looked at.
    if (!isStill(host)) {
      return Optional.of("process " + host.pid() + " is another engine by now");
    }
    remember(area);
    return Optional.empty();
  }

  private boolean isKnown(Proved area) {
    synchronized (proved) {
      return proved.get(area) != null;
    }
  }

  private void remember(Proved area) {
    synchronized (proved) {
      if (proved.size() >= PROVED_LIMIT && proved.get(area) == null) {
        var _ = proved.pollFirstEntry();
      }
      proved.put(area, true);
    }
  }

  private Optional<Processes.MemfdFile> memfd(HostDescriptor host, long incarnation) {
    return memfd(host, host.area(), AreaLayout.BYTES, AreaLayout.name(incarnation));
  }

  private Optional<Processes.MemfdFile> memfd(
      HostDescriptor host, long address, long bytes, String name) {
    return processes
        .memfd(host.pid(), address, bytes, name)
        .filter(each -> each.device().equals(memfds));
  }

  /** {@return whether who has the number now has had it since then, and is of our user} */
  private boolean isStill(HostDescriptor host) {
    return processes.startOf(host.pid()) == host.start() && processes.isOfOurUser(host.pid());
  }

  /**
   * {@return a mapping of an engine's area} It is of the memfd that the process itself has mapped
   * there, whatever the descriptor's number in the area says.
   *
   * @throws TransferException if there is none any more, or it cannot be mapped
   */
  SharedMapping map(String peer, HostDescriptor host, long incarnation) {
    Words header = read(host.pid(), host.area(), 0, 0);
    Optional<Processes.MemfdFile> file = memfd(host, incarnation);
    if (header.copied != AreaLayout.HEADER_BYTES) {
      throw LocalFaults.noLease(peer);
    }
    int descriptor = (int) header.get(AreaLayout.DESCRIPTOR_AT);
    return map(peer, host, file, descriptor, AreaLayout.BYTES);
  }

  /**
   * {@return a mapping of a pool of an engine} It is of the memfd that the process itself has
   * mapped there, whatever the entry says.
   *
   * @throws TransferException if it cannot be mapped
   */
  SharedMapping mapPool(String peer, HostDescriptor host, Gate.Entry pool) {
    Optional<Processes.MemfdFile> file =
        memfd(host, pool.address(), pool.length(), OffHeapSource.NAME);
    return map(peer, host, file, pool.descriptor(), pool.length());
  }

  /**
   * {@return a watch that needs no call, for one that does; that one, if the engine offers no word
   * for it} The word is of the memfd that the process itself has mapped there, whatever its area
   * says. May take long.
   *
   * @param area that of the engine
   */
  Processes.Watch withLife(
      HostDescriptor host, long incarnation, PeerMap area, Processes.Watch watch) {
    long address = area.word(AreaLayout.LIFE_AT);
    if (address == 0) {
      return watch;
    }
    Optional<Processes.MemfdFile> file =
        memfd(host, address, LifeWord.bytes(), AreaLayout.lifeName(incarnation));
    if (file.isEmpty()) {
      return watch;
    }
    try {
      int descriptor = (int) area.word(AreaLayout.LIFE_DESCRIPTOR_AT);
      return LifeWatch.of(host.pid(), descriptor, file.get(), watch);
    } catch (NativeCallException notThere) {
      return watch;
    }
  }

  /** Looks first who has the number: who has it now is whose maps have named the file. */
  private SharedMapping map(
      String peer,
      HostDescriptor host,
      Optional<Processes.MemfdFile> file,
      int descriptor,
      long bytes) {
    if (file.isEmpty() || !isStill(host)) {
      throw LocalFaults.noLease(peer);
    }
    try {
      return SharedMapping.of(host.pid(), descriptor, file.get(), bytes);
    } catch (NativeCallException e) {
      throw LocalFaults.notMapped(peer, e);
    }
  }

  /**
   * {@return what a process asks an engine for, as its own area says; empty if it asks for nothing}
   *
   * @param ask where in its area it is said to do so
   * @param incarnation that of the engine, which is ours
   */
  Optional<Ask> ask(HostDescriptor host, long ask, long incarnation) {
    // Before its memory is read: that of another user's may be where reading takes for ever.
    if (!AreaLayout.isAsk(host.area(), ask) || !processes.isOfOurUser(host.pid())) {
      return Optional.empty();
    }
    Words words = read(host.pid(), host.area(), ask, AreaLayout.ASK_BYTES);
    if (words.copied != AreaLayout.HEADER_BYTES + AreaLayout.ASK_BYTES
        || words.get(AreaLayout.MAGIC_AT) != AreaLayout.MAGIC
        || words.get(AreaLayout.HEADER_BYTES) != incarnation
        || words.get(AreaLayout.HEADER_BYTES + Long.BYTES) == 0) {
      return Optional.empty();
    }
    long asker = words.get(AreaLayout.INCARNATION_AT);
    return unproved(host, asker).isPresent()
        ? Optional.empty()
        : Optional.of(new Ask(asker, words.get(AreaLayout.HEADER_BYTES + Long.BYTES)));
  }

  /**
   * {@return the number of the request that an engine has given a lease for last; empty if the
   * lease is not that of the given holder}
   *
   * @param of an engine of which the area is proved
   * @param slots where the lease's slots are said to be
   */
  OptionalLong lease(HostDescriptor of, long slots, HostDescriptor holder, long incarnation) {
    if (!AreaLayout.isLease(of.area(), slots)) {
      return OptionalLong.empty();
    }
    Words words =
        read(of.pid(), of.area(), AreaLayout.holder(of.area(), slots), AreaLayout.HOLDER_BYTES);
    long at = AreaLayout.HEADER_BYTES;
    boolean isOurs =
        words.copied == at + AreaLayout.HOLDER_BYTES
            && words.get(at) == holder.pid()
            && words.get(at + Long.BYTES) == holder.start()
            && words.get(at + 2 * Long.BYTES) == incarnation;
    return isOurs ? OptionalLong.of(words.get(at + 3 * Long.BYTES)) : OptionalLong.empty();
  }

  /**
   * {@return whether the engine that has a lease uses it no more} Its process has ended; or its
   * area has, which an engine gives back only when none of its threads can copy any more.
   */
  boolean isOver(Leases.Lease lease) {
    return isOver(lease.pid(), lease.start(), lease.area(), lease.incarnation());
  }

  /** {@return whether an engine has ended, in the same way} */
  boolean isOver(HostDescriptor host, long incarnation) {
    return isOver(host.pid(), host.start(), host.area(), incarnation);
  }

  private boolean isOver(int pid, long start, long area, long incarnation) {
    if (processes.hasEnded(pid, start)) {
      return true;
    }
    Words header = read(pid, area, 0, 0);
    return header.copied == AreaLayout.HEADER_BYTES
        ? header.get(AreaLayout.MAGIC_AT) != AreaLayout.MAGIC
            || header.get(AreaLayout.INCARNATION_AT) != incarnation
        : header.copied == -Errno.EFAULT.number();
  }
}
