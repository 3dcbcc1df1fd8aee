// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.memory.SortedAddresses;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.DeviceDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The ranges that a peer published, sorted, with their keys for each device. Immutable: a newer
 * descriptor gets a new object.
 */
final class RemoteBuffers {
  private final SegmentDescriptor descriptor;
  private final List<String> deviceNames;
  private final long[] starts;
  private final long[] ends;

  /** By range, then by device. */
  private final int[][] keys;

  RemoteBuffers(SegmentDescriptor descriptor) {
    this.descriptor = descriptor;
    this.deviceNames = descriptor.devices().stream().map(DeviceDescriptor::name).toList();
    List<BufferDescriptor> sorted = new ArrayList<>();
    for (BufferDescriptor buffer : descriptor.buffers()) {
      // Ranges without keys belong to another transport, if the segment has several.
      if (buffer.rkeys().size() == deviceNames.size() && buffer.address() > 0) {
        sorted.add(buffer);
      }
    }
    sorted.sort(Comparator.comparingLong(BufferDescriptor::address));
    int count = sorted.size();
    starts = new long[count];
    ends = new long[count];
    keys = new int[count][];
    for (int i = 0; i < count; i++) {
      BufferDescriptor buffer = sorted.get(i);
      starts[i] = buffer.address();
      ends[i] = buffer.address() + buffer.lengthBytes();
      keys[i] = buffer.rkeys().stream().mapToInt(Long::intValue).toArray();
    }
  }

  SegmentDescriptor descriptor() {
    return descriptor;
  }

  /** {@return the index of a device in the descriptor; -1 if it is not there} */
  int deviceIndex(String name) {
    return deviceNames.indexOf(name);
  }

  List<String> deviceNames() {
    return deviceNames;
  }

  /** {@return the index of the range that contains {@code address}, or -1} */
  int find(long address) {
    int index = SortedAddresses.floorIndex(starts, address);
    return index >= 0 && address < ends[index] ? index : -1;
  }

  /** {@return whether a range is published completely, perhaps as several adjacent ranges} */
  boolean covers(long address, long length) {
    int index = find(address);
    if (index < 0) {
      return false;
    }
    long left = length - (ends[index] - address);
    while (left > 0) {
      index++;
      if (index == starts.length || starts[index] != ends[index - 1]) {
        return false;
      }
      left -= ends[index] - starts[index];
    }
    return true;
  }

  long start(int index) {
    return starts[index];
  }

  long end(int index) {
    return ends[index];
  }

  /** {@return the remote key of a range at a device, as raw 32 bits} */
  int key(int index, int device) {
    return keys[index][device];
  }
}
