// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.logging.Anyway;
import io.transferengine.os.ProcessMemory;
import io.transferengine.os.Processes;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.TransportContext;
import io.transferengine.wire.HostDescriptor;
import java.time.Duration;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a transport has between its start and its stop. */
record Running(
    HostDescriptor host,
    long incarnation,
    Area area,
    OurLife life,
    PeerAreas areas,
    Leases leases,
    Fences fences,
    HeldLeases held,
    PeerMaps maps,
    LeaseRequests requests,
    Copies copies,
    DeviceCopies deviceCopies) {
  private static final Logger log = LoggerFactory.getLogger(Running.class);

  /**
   * What the transport is told.
   *
   * @param isOver of the area of an engine that has ended
   * @param elsewhere of a task that copies cannot go on with
   */
  record Callbacks(Consumer<PeerMap> isOver, DeviceCopies.Elsewhere elsewhere) {}

  /** {@return all of it, around an area; if it throws, the area is as it was} */
  static Running of(
      Area area,
      long incarnation,
      TransportContext context,
      ProcessMemory memory,
      Processes processes,
      OurDevices devices,
      Callbacks callbacks) {
    int pid = processes.own();
    HostDescriptor host =
        new HostDescriptor(
            processes.bootId(),
            processes.pidNamespace(),
            pid,
            processes.startOf(pid),
            area.address());
    // As peers will look at us, and we at them.
    String memfds =
        processes
            .memfd(pid, area.address(), AreaLayout.BYTES, AreaLayout.name(incarnation))
            .map(Processes.MemfdFile::device)
            .orElseThrow(() -> LocalFaults.noSight(processes.blindness()));
    PeerAreas areas = new PeerAreas(memory, processes, memfds);
    Leases leases = new Leases(area, areas::isOver);
    HeldLeases held = new HeldLeases(areas::isOver);
    OurLife life = OurLife.begin(area, incarnation);
    try {
      return new Running(
          host,
          incarnation,
          area,
          life,
          areas,
          leases,
          new Fences(area, leases, processes, Fences.WAIT, devices::shared),
          held,
          new PeerMaps(areas, processes, context.metrics(), callbacks.isOver),
          new LeaseRequests(context.peers(), area, areas, held, host, incarnation),
          new Copies(memory, pid),
          new DeviceCopies(memory, pid, devices, callbacks.elsewhere));
    } catch (Throwable t) {
      life.end();
      throw t;
    }
  }

  /** Ends what peers copy, and what we have mapped and opened of theirs. Our copies have ended. */
  void end(long endNanos, OurDevices devices) {
    boolean isOver = held.end(endNanos);
    boolean copiesNothing = isOver;
    if (isOver) {
      Anyway.run(log, "Ending the mappings of other engines' areas", maps::end);
    } else {
      log.warn("The area of copies on one machine stays: a copy of this engine has not ended");
    }
    try {
      fences.end(Duration.ofNanos(Math.max(0, endNanos - System.nanoTime())), isOver);
    } catch (TransferException inUse) {
      // The area stays: a peer that still copies must not find something else there.
      isOver = false;
      log.warn("A peer still copies while the engine closes: {}", inUse.getMessage());
    } catch (Throwable t) {
      isOver = false;
      Anyway.failed(log, "Giving the area of copies on one machine back", t);
    }
    Anyway.run(log, "Ending the thread that shows that this process lives", life::end);
    LeftAreas.retry();
    if (!isOver) {
      LeftAreas.keep(held, maps, fences);
    }
    if (!copiesNothing || maps.imports() > 0) {
      devices.leaveOpen();
    }
  }
}
