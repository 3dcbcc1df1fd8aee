// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.memory.Region;
import io.transferengine.os.Errno;
import io.transferengine.os.FfmProcessMemory;
import io.transferengine.os.IoVectors;
import io.transferengine.os.LinuxProcesses;
import io.transferengine.os.ProcessMemory;
import io.transferengine.transport.Transport;
import io.transferengine.transport.TransportContext;
import io.transferengine.transport.TransportProvider;
import io.transferengine.wire.HostDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/**
 * Real copies, which stop on demand: a call then ends as if its gate had been closed just before. A
 * copy itself cannot stand still; the kernel goes through with it.
 */
@SuppressWarnings("restricted") // looks into areas of this process
public final class HeldMemory implements ProcessMemory {
  /** What every call has, and more: a gate, and one range at least. */
  private static final long WORDS = Long.BYTES;

  /**
   * Of a copy between devices. It cannot be stopped, so what ends a transfer is heard between two:
   * a test moves many times as much. A simulated copy is slow for a second, two at a time, and an
   * unregistration begins with a second's wait.
   */
  private static final int DEVICE_COPY_BYTES = 1 << 18;

  private final ProcessMemory real = new FfmProcessMemory();
  private final Set<Long> deadAreas = ConcurrentHashMap.newKeySet();
  private long left = Long.MAX_VALUE;
  private boolean stalled;

  /** Lets copies of so many bytes pass, and the one that exceeds them. */
  public synchronized void stallAfter(long bytes) {
    left = bytes;
    stalled = false;
  }

  /** {@return whether a copy was held back} */
  public synchronized boolean isStalled() {
    return stalled;
  }

  /** Lets everything pass. */
  public synchronized void resume() {
    left = Long.MAX_VALUE;
    stalled = false;
  }

  private synchronized boolean isHeld(long bytes) {
    if (left <= 0) {
      stalled = true;
      return true;
    }
    left -= left == Long.MAX_VALUE ? 0 : bytes;
    return false;
  }

  private final CountDownLatch inside = new CountDownLatch(1);
  private final CountDownLatch mayGoOn = new CountDownLatch(1);
  private volatile boolean holdsInside;

  /** Has the next copy into a process stand still between its gate and its ranges. */
  public void holdInside() {
    holdsInside = true;
  }

  /** Waits until one does. */
  public void awaitInside() throws InterruptedException {
    inside.await();
  }

  /** Lets it go on. */
  public void goOn() {
    holdsInside = false;
    mayGoOn.countDown();
  }

  /** As the kernel would, if it took its time: through the gate, then the ranges. */
  private long inTwoParts(int pid, IoVectors from, IoVectors to) {
    long passed = part(pid, from, to, 0, 1);
    if (passed < WORDS) {
      return passed;
    }
    inside.countDown();
    try {
      mayGoOn.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return passed + part(pid, from, to, 1, to.count());
  }

  private long part(int pid, IoVectors from, IoVectors to, int first, int end) {
    IoVectors ours = new IoVectors(end - first);
    IoVectors theirs = new IoVectors(end - first);
    for (int i = first; i < end; i++) {
      ours.add(from.address(i), from.lengthBytes(i));
      theirs.add(to.address(i), to.lengthBytes(i));
    }
    return real.write(pid, ours, theirs);
  }

  private boolean isDead(long address) {
    return deadAreas.stream().anyMatch(area -> address >= area && address < area + (1L << 30));
  }

  @Override
  public long read(int pid, IoVectors into, IoVectors from) {
    if (isDead(from.address(0))) {
      return -Errno.ESRCH.number();
    }
    // A gate's page, then ranges; the entries of the area are read in other ways.
    boolean copies = from.count() > 1 && from.lengthBytes(0) == Long.BYTES && into.count() > 1;
    return copies && isHeld(from.totalBytes() - Long.BYTES)
        ? -Errno.EFAULT.number()
        : real.read(pid, into, from);
  }

  @Override
  public long write(int pid, IoVectors from, IoVectors to) {
    if (isDead(to.address(0))) {
      return -Errno.ESRCH.number();
    }
    boolean copies = to.count() > 1;
    if (copies && isHeld(to.totalBytes() - WORDS)) {
      return -Errno.EFAULT.number();
    }
    return copies && holdsInside ? inTwoParts(pid, from, to) : real.write(pid, from, to);
  }

  /** {@return a provider of a transport that copies so} */
  public Provider provider() {
    return new Provider(this);
  }

  /** One engine's. */
  public static final class Provider implements TransportProvider {
    private final HeldMemory memory;
    private volatile @Nullable HostDescriptor host;

    private Provider(HeldMemory memory) {
      this.memory = memory;
    }

    @Override
    public String name() {
      return LocalTransport.NAME;
    }

    @Override
    public int priority() {
      return new LocalTransportProvider().priority();
    }

    @Override
    public Optional<String> unavailabilityCause(TransportContext context) {
      return new LocalTransportProvider().unavailabilityCause(context);
    }

    @Override
    public Transport create(TransportContext context) {
      OurDevices devices = new OurDevices(context.devices(), DEVICE_COPY_BYTES);
      return new LocalTransport(context, memory, new LinuxProcesses(), devices) {
        @Override
        public void describe(SegmentDescriptor.Builder descriptor, List<Region> regions) {
          super.describe(descriptor, regions);
          descriptor.build().host().ifPresent(known -> host = known);
        }
      };
    }

    private static long gate(long area) {
      return MemorySegment.ofAddress(area)
          .reinterpret(AreaLayout.HEADER_BYTES)
          .get(ValueLayout.JAVA_LONG, AreaLayout.GATE_AT);
    }

    /** From now on nobody finds the engine's area, nor what was mapped of it. */
    public void die() {
      HostDescriptor known = host;
      if (known != null) {
        MemorySegment.ofAddress(known.area())
            .reinterpret(AreaLayout.HEADER_BYTES)
            .set(ValueLayout.JAVA_LONG, AreaLayout.MAGIC_AT, 0);
        // Its gates, and all of its area but what we have mapped.
        memory.deadAreas.add(known.area());
        memory.deadAreas.add(gate(known.area()));
      }
    }
  }
}
