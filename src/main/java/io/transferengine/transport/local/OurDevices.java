// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.device.CopyList;
import io.transferengine.device.Device;
import io.transferengine.device.Devices;
import io.transferengine.device.SharedAllocation;
import io.transferengine.memory.MemoryKind;
import io.transferengine.memory.Region;
import io.transferengine.transfer.TransferException;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The memory of devices that we have registered: which of it we copy from and to, and by which
 * handles peers on this machine open it. The driver is looked for at the first registration of such
 * memory. Thread-safe.
 */
final class OurDevices {
  private static final Logger log = LoggerFactory.getLogger(OurDevices.class);

  /** Reasons that were told. */
  private static final int TOLD_LIMIT = 256;

  /** Half of what a list may have: the last range of a claim may be as long once more. */
  private static final int CLAIM_BYTES = CopyList.BYTES_LIMIT / 2;

  private record Ours(Device device, @Nullable SharedAllocation shared) {}

  private final Devices devices;
  private final int claimBytes;

  /** What the device is known to have. A copy of anything else could cost it its context. */
  private final Map<Region, Ours> ready = new ConcurrentHashMap<>();

  // Guarded by this.
  private final Set<String> told = new HashSet<>();

  OurDevices(Devices devices) {
    this(devices, CLAIM_BYTES);
  }

  /**
   * One whose copies are smaller.
   *
   * @param claimBytes see {@link #claimBytes}
   */
  OurDevices(Devices devices, int claimBytes) {
    this.devices = devices;
    this.claimBytes = claimBytes;
  }

  /**
   * {@return how many bytes of a transfer are claimed for one copy} A copy that has begun cannot be
   * stopped: a cancel, a deadline or an unregistration waits for it, and is heard before the next.
   */
  int claimBytes() {
    return claimBytes;
  }

  /** {@return whether such memory of ours can be copied} */
  boolean moves(MemoryKind kind) {
    return Devices.isKnown(kind) && devices.absence().isEmpty();
  }

  /**
   * {@return whether a device of ours can copy between our host memory and devices of peers} None
   * is opened for that: it takes 300 ms, and its context takes hundreds of MiB of its memory.
   */
  boolean copiesForHost() {
    return helper(0).isPresent();
  }

  /**
   * {@return a device that this engine uses, to copy for host memory with}
   *
   * @param ordinal preferred; as a rule the peer counts the same devices
   */
  Optional<Device> helper(int ordinal) {
    return devices.open(ordinal);
  }

  /**
   * Makes ready for ranges of devices' memory, among others. What cannot be is copied by other
   * transports, which say so if it is nowhere.
   */
  void register(List<Region> regions) {
    for (Region region : regions) {
      if (!region.kind().isHost() && moves(region.kind())) {
        register(region);
      }
    }
  }

  private void register(Region region) {
    Device device;
    try {
      device = devices.of(region.kind());
      device.require(region.address(), region.length());
    } catch (TransferException e) {
      tell(e);
      return;
    }
    SharedAllocation shared = null;
    // Blocks of a pool are taken back one by one: who has the whole of it open would not see that.
    if (region.blocks() == null) {
      try {
        shared = device.share(region.address(), region.length());
      } catch (TransferException e) {
        tell(e);
      }
    }
    ready.put(region, new Ours(device, shared));
  }

  private void tell(TransferException why) {
    String text = String.valueOf(why.getMessage());
    boolean isNew;
    synchronized (this) {
      isNew = told.size() < TOLD_LIMIT && told.add(text);
    }
    if (isNew) {
      log.info("Peers on this machine reach some memory of devices over the network: {}", text);
    }
  }

  /** Ends {@link #register}; nothing is under way there. Takes no memory. */
  void unregister(List<Region> regions) {
    if (!ready.isEmpty()) {
      regions.forEach(ready::remove);
    }
  }

  /** {@return the device that has a range; null if it is not known to} */
  @Nullable Device device(Region region) {
    Ours ours = ready.get(region);
    return ours == null ? null : ours.device;
  }

  /** {@return by which peers open it; null if they cannot} */
  @Nullable SharedAllocation shared(Region region) {
    Ours ours = ready.get(region);
    return ours == null ? null : ours.shared;
  }

  /** Something does not end: the engine, which closes the devices, is to leave them as they are. */
  void leaveOpen() {
    devices.leaveOpen();
  }
}
