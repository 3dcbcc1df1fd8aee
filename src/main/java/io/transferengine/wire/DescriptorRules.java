// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

import io.transferengine.logging.Printable;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import java.util.List;

/**
 * The rules of protocol sections 4.1 and 4.2 by which readers reject a whole descriptor. Both ends
 * apply them: we do not send a descriptor that a C++ reader would reject. Protocols that we do not
 * speak have their own rules and are not checked here.
 */
final class DescriptorRules {
  /** Keys and queue pair numbers have 32 bits without a sign. */
  static final long UINT32_MAX = 0xffff_ffffL;

  private DescriptorRules() {}

  static void check(SegmentDescriptor descriptor) {
    if (!descriptor.isSupported()) {
      return;
    }
    if (descriptor.name().isEmpty()) {
      throw broken(descriptor, "its name is empty");
    }
    requirePort(descriptor);
    for (int i = 0; i < descriptor.devices().size(); i++) {
      DeviceDescriptor device = descriptor.devices().get(i);
      if (device.name().isEmpty() || device.gid().isEmpty()) {
        throw broken(descriptor, "devices[" + i + "] has an empty name or gid");
      }
    }
    List<BufferDescriptor> buffers = descriptor.buffers();
    for (int i = 0; i < buffers.size(); i++) {
      String fault = fault(buffers.get(i), descriptor.devices().size());
      if (!fault.isEmpty()) {
        throw broken(descriptor, "buffers[" + i + "] " + fault);
      }
    }
  }

  private static void requirePort(SegmentDescriptor descriptor) {
    if (descriptor.tcpDataPort() < 0 || descriptor.tcpDataPort() > 65_535) {
      throw broken(descriptor, "tcp_data_port " + descriptor.tcpDataPort() + " is not a port");
    }
    if (descriptor.tcpProtoVersion() < 0) {
      throw broken(
          descriptor, "tcp_proto_version " + descriptor.tcpProtoVersion() + " is negative");
    }
    if (!descriptor.tcpDataHost().isEmpty()) {
      try {
        var _ = new HostPort(descriptor.tcpDataHost(), HostPort.PORT_MAX);
      } catch (TransferException e) {
        throw broken(
            descriptor,
            "tcp_data_host \""
                + Printable.of(descriptor.tcpDataHost(), 100)
                + "\" is not a valid host");
      }
    }
  }

  /** The fault of {@code buffer}; empty if it has none. */
  private static String fault(BufferDescriptor buffer, int deviceCount) {
    long address = buffer.address();
    long lengthBytes = buffer.lengthBytes();
    if (buffer.name().isEmpty()) {
      return "has an empty name";
    }
    if (address == 0) {
      return "has address 0";
    }
    if (lengthBytes <= 0) {
      return "has length " + Long.toUnsignedString(lengthBytes);
    }
    if (Long.compareUnsigned(address + lengthBytes, address) < 0) {
      return "ends above the address space: 0x%x + %d".formatted(address, lengthBytes);
    }
    int keyCount = buffer.rkeys().size();
    if (keyCount == 0) {
      return "";
    }
    if (keyCount != buffer.lkeys().size() || keyCount != deviceCount) {
      return "has %d rkeys and %d lkeys for %d devices"
          .formatted(keyCount, buffer.lkeys().size(), deviceCount);
    }
    for (int i = 0; i < keyCount; i++) {
      long either = buffer.rkeys().get(i) | buffer.lkeys().get(i);
      if (either < 0 || either > UINT32_MAX) {
        return "has a key of more than 32 bits";
      }
    }
    return "";
  }

  private static TransferException broken(SegmentDescriptor descriptor, String why) {
    return new TransferException(
        ErrorCode.METADATA,
        "the descriptor of segment \""
            + Printable.of(descriptor.name(), 200)
            + "\" is unusable: "
            + why,
        "Restart its owner, or delete its stale record from the metadata store");
  }
}
