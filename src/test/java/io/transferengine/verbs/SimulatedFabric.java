// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.Ibv;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A network of simulated devices in this JVM, at the seam where libibverbs would be: what is above
 * {@link VerbsLibrary} runs unchanged, its native structs included. It really moves bytes.
 *
 * <p>Reliable connections as in life. The requests of a queue pair run in their order; between
 * queue pairs the seed decides. A request that fails moves its queue pair to ERROR, and everything
 * behind it is flushed, unsignalled or not. A request to a peer that is gone, in another state, or
 * connected to somebody else is repeated for the retry time and then fails.
 *
 * <p>It is stricter than life. What a real device would answer with a strange error, a lost
 * completion or a crash is a violation: the verb throws {@link AssertionError}, and {@link
 * #violations()} has it for whoever swallowed that. A test asks for the list, and for {@link
 * #openHandles()}, at its end.
 *
 * <p>One lock, one thread (the "nic"), one clock (the system's). Thread-safe.
 */
public final class SimulatedFabric implements AutoCloseable {
  /** Guards everything in the simulator; waited on for whatever may change. */
  final Object lock = new Object();

  final Random random;
  final SimulatedFaults faults = new SimulatedFaults(this);
  final SimulatedFiles files = new SimulatedFiles(this);
  final boolean instant;

  /** The name of the thread that has posted last. */
  volatile String lastPoster = "";

  /** What there is beside host memory. */
  volatile DeviceMemory deviceMemory = DeviceMemory.NONE;

  /** Memory of other devices, which the simulated ones reach as network cards do. */
  public interface DeviceMemory {
    /** There is none, and an old libibverbs. */
    DeviceMemory NONE =
        new DeviceMemory() {
          @Override
          public boolean hasDmaBufs() {
            return false;
          }

          @Override
          public boolean isExported(int fd, long offset, long lengthBytes) {
            return false;
          }

          @Override
          public @Nullable MemorySegment at(long address, long lengthBytes) {
            return null;
          }
        };

    /** {@return whether libibverbs takes dma-bufs} */
    boolean hasDmaBufs();

    /** {@return whether a descriptor is open, of a dma-buf that has such a range} */
    boolean isExported(int fd, long offset, long lengthBytes);

    /** {@return what is behind an address; null for host memory} */
    @Nullable MemorySegment at(long address, long lengthBytes);

    /** {@return where bytes are written that are for an address; null for host memory} */
    default @Nullable MemorySegment into(long address, long lengthBytes) {
      return at(address, lengthBytes);
    }
  }

  private final long seed;
  private final Arena arena = Arena.ofShared();
  private final List<SimulatedDevice> devices = new ArrayList<>();
  private final Map<Long, SimulatedHandle> handles = new LinkedHashMap<>();
  private final List<SimulatedHandle> byIndex = new ArrayList<>();
  private final Map<Integer, SimulatedQueuePair> queuePairs = new HashMap<>();
  private final Map<Integer, SimulatedHandle.Region> byLocalKey = new HashMap<>();
  private final Map<Integer, SimulatedHandle.Region> byRemoteKey = new HashMap<>();
  private final Set<String> violations = new LinkedHashSet<>();
  private final SimulatedNic nic = new SimulatedNic(this);
  private int nextQueuePairNumber = 17;

  /**
   * A fabric whose requests run on a thread of their own.
   *
   * @param seed makes all its choices
   */
  public SimulatedFabric(long seed) {
    this(seed, false);
  }

  private SimulatedFabric(long seed, boolean instant) {
    this.seed = seed;
    this.random = new Random(seed);
    this.instant = instant;
    if (!instant) {
      nic.start();
    }
  }

  /**
   * {@return a fabric in which a request is complete as soon as it is posted, and moves no byte} To
   * measure the cost of what is above it: posting and polling allocate nothing.
   */
  public static SimulatedFabric instant() {
    return new SimulatedFabric(0, true);
  }

  /**
   * {@return the library that a process sees}
   *
   * @param name for texts
   * @param deviceNames its devices, all reaching each other and those of other processes
   */
  public SimulatedVerbs process(String name, List<String> deviceNames) {
    synchronized (lock) {
      SimulatedVerbs process = new SimulatedVerbs(this, name);
      for (String deviceName : deviceNames) {
        SimulatedDevice device = new SimulatedDevice(this, process, deviceName, devices.size() + 1);
        devices.add(device);
        process.add(device);
      }
      return process;
    }
  }

  /** From now on there is such memory. */
  public void reach(DeviceMemory memory) {
    deviceMemory = memory;
  }

  /** {@return the name of the thread that has posted last; empty before} */
  public String lastPoster() {
    return lastPoster;
  }

  /** {@return what can be done to the traffic} */
  public SimulatedFaults faults() {
    return faults;
  }

  /** {@return the seed, for the text of a failure} */
  public long seed() {
    return seed;
  }

  /** {@return what was done that libibverbs does not allow; a copy} */
  public List<String> violations() {
    synchronized (lock) {
      return List.copyOf(violations);
    }
  }

  /** {@return what was opened and not closed, by processes that have not crashed; a copy} */
  public List<String> openHandles() {
    synchronized (lock) {
      List<String> open = new ArrayList<>();
      handles.values().stream()
          .filter(handle -> !handle.device.process().hasCrashed())
          .map(SimulatedHandle::toString)
          .forEach(open::add);
      open.addAll(files.openEventfds());
      devices.stream()
          .map(SimulatedDevice::process)
          .distinct()
          .filter(process -> process.openDeviceLists() > 0)
          .map(process -> process.openDeviceLists() + " device lists of " + process)
          .forEach(open::add);
      return open;
    }
  }

  /** Stops the nic thread and frees the structs; nothing may use the simulator any more. */
  @Override
  public void close() {
    nic.stop();
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }

  // For the simulator; under the lock.

  /** Records a violation; {@return what to throw} */
  AssertionError violation(String text) {
    violations.add(text);
    return new AssertionError(text);
  }

  MemorySegment allocate(MemoryLayout layout) {
    return arena.allocate(layout);
  }

  /** {@return the object's index, which data path verbs find it by} */
  int add(SimulatedHandle handle) {
    handles.put(handle.struct.address(), handle);
    byIndex.add(handle);
    return byIndex.size() - 1;
  }

  /** {@return the live object of a handle that a verb was given} */
  <T extends SimulatedHandle> T find(Class<T> type, MemorySegment handle, String verb) {
    SimulatedHandle found = handles.get(handle.address());
    if (!type.isInstance(found)) {
      throw violation(
          String.format(
              "%s(0x%x): no such %s, or destroyed already",
              verb, handle.address(), type.getSimpleName()));
    }
    return type.cast(found);
  }

  /** As {@link #find}, for verbs that run for each request: without allocation. */
  SimulatedHandle at(int index, MemorySegment handle, String verb) {
    SimulatedHandle found = byIndex.get(index);
    if (found.destroyed || found.struct.address() != handle.address()) {
      throw violation(verb + ": " + found + " is destroyed already");
    }
    return found;
  }

  void destroy(SimulatedHandle handle, String verb) {
    if (handle.users > 0) {
      throw violation(verb + ": " + handle + " is still used by " + handle.users);
    }
    handle.destroyed = true;
    handles.remove(handle.struct.address());
  }

  List<SimulatedHandle.Context> contexts(SimulatedDevice device) {
    return handles.values().stream()
        .filter(handle -> handle.device == device && handle instanceof SimulatedHandle.Context)
        .map(SimulatedHandle.Context.class::cast)
        .toList();
  }

  List<Integer> completionVectors(SimulatedDevice device) {
    synchronized (lock) {
      return handles.values().stream()
          .filter(each -> each.device == device && each instanceof SimulatedCompletionQueue)
          .map(each -> ((SimulatedCompletionQueue) each).vector)
          .toList();
    }
  }

  Optional<SimulatedDevice> deviceOf(byte[] gid) {
    return devices.stream()
        .filter(device -> Arrays.equals(device.gid(0), gid) || Arrays.equals(device.gid(1), gid))
        .findFirst();
  }

  void report(SimulatedHandle.Context context, int type, long element) {
    context.events.add(new SimulatedHandle.Context.Event(type, element));
    lock.notifyAll();
  }

  int takeQueuePairNumber() {
    return nextQueuePairNumber++;
  }

  void connectable(SimulatedQueuePair queuePair) {
    queuePairs.put(queuePair.number, queuePair);
  }

  void forget(SimulatedQueuePair queuePair) {
    queuePairs.remove(queuePair.number);
  }

  @Nullable SimulatedQueuePair queuePair(int number) {
    return queuePairs.get(number);
  }

  List<SimulatedQueuePair> queuePairs() {
    return List.copyOf(queuePairs.values());
  }

  /** Gives a registration its keys: any 32 bits, never the same for both. */
  void register(SimulatedHandle.Region region) {
    do {
      region.localKey = random.nextInt();
    } while (byLocalKey.containsKey(region.localKey));
    do {
      region.remoteKey = random.nextInt();
    } while (byRemoteKey.containsKey(region.remoteKey) || region.remoteKey == region.localKey);
    byLocalKey.put(region.localKey, region);
    byRemoteKey.put(region.remoteKey, region);
  }

  /** {@return the registration, live or ended: keys are not used twice} */
  SimulatedHandle.@Nullable Region byLocalKey(int key) {
    return byLocalKey.get(key);
  }

  SimulatedHandle.@Nullable Region byRemoteKey(int key) {
    return byRemoteKey.get(key);
  }

  /** Moves queue pairs to ERROR and flushes them. */
  void fail(Predicate<SimulatedQueuePair> which) {
    queuePairs().stream().filter(which).forEach(nic::moveToError);
    lock.notifyAll();
  }

  void kill(int number) {
    SimulatedQueuePair queuePair = queuePairs.get(number);
    if (queuePair == null) {
      throw new IllegalArgumentException("No queue pair " + number);
    }
    fail(each -> each == queuePair);
    report(queuePair.domain.context, Ibv.IBV_EVENT_QP_FATAL(), queuePair.struct.address());
  }

  SimulatedNic nic() {
    return nic;
  }
}
