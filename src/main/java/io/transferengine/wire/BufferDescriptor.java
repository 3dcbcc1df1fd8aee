// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

import io.transferengine.access.AccessRights;
import io.transferengine.memory.MemoryKind;
import java.util.List;

/**
 * One registered range of a segment (protocol sections 4.1 and 4.2).
 *
 * @param name for TCP the publisher's server name, for RDMA the memory's location such as {@code
 *     cpu:0}
 * @param address where the range starts in its owner's process, unsigned
 * @param lengthBytes its length, positive
 * @param rkeys the remote keys, one for each of the segment's devices and in their order, each 0 to
 *     2^32-1; empty for TCP
 * @param lkeys the local keys, as many as {@code rkeys}; readers only count them
 * @param protocol the transport that this range belongs to, if the segment offers several; else
 *     empty
 * @param rights what its owner lets peers do with it, as far as it says so; our own member, unknown
 *     to C++
 * @param fence the number of its entry in the area of its owner ({@link HostDescriptor#area}), 0
 *     for none; our own member, unknown to C++
 * @param memory the memory's location, where it is that of a device and the name does not say so;
 *     else empty; our own member, unknown to C++
 */
public record BufferDescriptor(
    String name,
    long address,
    long lengthBytes,
    List<Long> rkeys,
    List<Long> lkeys,
    String protocol,
    AccessRights rights,
    long fence,
    String memory) {
  /** Copies the lists. */
  public BufferDescriptor {
    rkeys = List.copyOf(rkeys);
    lkeys = List.copyOf(lkeys);
  }

  /** A range that peers may read and write. */
  public BufferDescriptor(
      String name,
      long address,
      long lengthBytes,
      List<Long> rkeys,
      List<Long> lkeys,
      String protocol) {
    this(name, address, lengthBytes, rkeys, lkeys, protocol, AccessRights.READ_WRITE, 0, "");
  }

  /** An RDMA range in a segment of one protocol. */
  public BufferDescriptor(
      String name, long address, long lengthBytes, List<Long> rkeys, List<Long> lkeys) {
    this(name, address, lengthBytes, rkeys, lkeys, "");
  }

  /** A TCP range in a segment of one protocol. */
  public BufferDescriptor(String name, long address, long lengthBytes) {
    this(name, address, lengthBytes, List.of(), List.of(), "");
  }

  /** {@return this range with other rights} */
  public BufferDescriptor withRights(AccessRights other) {
    return new BufferDescriptor(
        name, address, lengthBytes, rkeys, lkeys, protocol, other, fence, memory);
  }

  /** {@return this range with an entry in the area of its owner} */
  public BufferDescriptor withFence(long entry) {
    return new BufferDescriptor(
        name, address, lengthBytes, rkeys, lkeys, protocol, rights, entry, memory);
  }

  /** {@return this range, of which the name does not say where it is} */
  public BufferDescriptor withMemory(String location) {
    return new BufferDescriptor(
        name, address, lengthBytes, rkeys, lkeys, protocol, rights, fence, location);
  }

  /**
   * {@return what memory it is, as far as the peer says} Only a range with keys has its location as
   * its name. All others count as host memory, unless {@link #memory} says something else; and so
   * does what we cannot read.
   */
  public MemoryKind kind() {
    String location = rkeys.isEmpty() ? memory : name;
    return location.isEmpty()
        ? MemoryKind.host()
        : MemoryKind.published(location).orElseGet(MemoryKind::host);
  }

  /** {@return whether all of {@code address .. address + lengthBytes} lies inside this range} */
  public boolean covers(long address, long lengthBytes) {
    long offset = address - this.address;
    return lengthBytes >= 0
        && Long.compareUnsigned(address, this.address) >= 0
        && offset >= 0
        && offset <= this.lengthBytes
        && lengthBytes <= this.lengthBytes - offset;
  }
}
