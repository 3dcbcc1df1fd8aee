// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.device.Devices;
import io.transferengine.memory.MappedMemory;
import io.transferengine.memory.MemoryKind;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.Arrays;
import java.util.Optional;

/**
 * Where memory is that is to be registered.
 *
 * <p>Memory at {@code *} that the processor may read and write is host memory, and nothing further
 * is asked: so it is for all memory of an engine that has no device. What the processor may not
 * touch can be a device's. Its driver knows, and is asked, if this process has loaded it already;
 * if not, nobody here can have memory of a device, and nothing is loaded to find that out.
 */
final class MemoryPlaces {
  private static final String ANYWHERE = "*";

  private final Devices devices;

  MemoryPlaces(Devices devices) {
    this.devices = devices;
  }

  /**
   * {@return the location of each range: the given one, unless it is {@code *} and a range is a
   * device's}
   *
   * @throws TransferException for a range of host memory that is not mapped readable and writable,
   *     an invalid range, and an invalid location
   */
  String[] find(long[] addresses, long[] lengths, String location) {
    String[] found = new String[addresses.length];
    Arrays.fill(found, location);
    if (!MemoryKind.at(location).isHost()) {
      return found;
    }
    try {
      MappedMemory.requireAllReadableWritable(addresses, lengths);
    } catch (TransferException notHost) {
      if (!location.equals(ANYWHERE)
          || notHost.code() != ErrorCode.INVALID_ARGUMENT
          || addresses.length != lengths.length
          || !findDevices(addresses, found, notHost)) {
        throw notHost;
      }
      requireHost(addresses, lengths, found);
    }
    return found;
  }

  /** {@return whether one of the ranges is a device's} */
  private boolean findDevices(long[] addresses, String[] found, TransferException notHost) {
    if (!devices.areInUse()) {
      return false;
    }
    boolean any = false;
    try {
      for (int i = 0; i < found.length; i++) {
        Optional<String> device = devices.locationOf(addresses[i]);
        if (device.isPresent()) {
          found[i] = device.get();
          any = true;
        }
      }
    } catch (TransferException noAnswer) {
      // That it is not mapped is what there is to say; and that nobody could be asked.
      notHost.addSuppressed(noAnswer);
      return false;
    }
    return any;
  }

  private static void requireHost(long[] addresses, long[] lengths, String[] found) {
    int count = 0;
    long[] hostAddresses = new long[found.length];
    long[] hostLengths = new long[found.length];
    for (int i = 0; i < found.length; i++) {
      if (found[i].equals(ANYWHERE)) {
        hostAddresses[count] = addresses[i];
        hostLengths[count] = lengths[i];
        count++;
      }
    }
    MappedMemory.requireAllReadableWritable(
        Arrays.copyOf(hostAddresses, count), Arrays.copyOf(hostLengths, count));
  }
}
