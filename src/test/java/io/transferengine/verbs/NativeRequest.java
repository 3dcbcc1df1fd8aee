// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.transferengine.bindings.Ibv;
import io.transferengine.bindings.ibv_send_wr;
import io.transferengine.bindings.ibv_sge;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads a chain of {@code struct ibv_send_wr} as a device's provider does: by following pointers.
 * Moves from request to request, so that nothing is allocated for one.
 */
@SuppressWarnings("restricted") // as C does, it goes wherever a pointer points
final class NativeRequest {
  /** All of the address space. */
  static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  private static final long RDMA = ibv_send_wr.wr$offset() + ibv_send_wr.wr.rdma$offset();

  private long address;

  void start(MemorySegment first) {
    address = first.address();
  }

  boolean isThere() {
    return address != 0;
  }

  void next() {
    address = ALL.get(JAVA_LONG, address + ibv_send_wr.next$offset());
  }

  long address() {
    return address;
  }

  long workRequestId() {
    return ALL.get(JAVA_LONG, address + ibv_send_wr.wr_id$offset());
  }

  int opcode() {
    return ALL.get(JAVA_INT, address + ibv_send_wr.opcode$offset());
  }

  boolean isSignalled() {
    int flags = ALL.get(JAVA_INT, address + ibv_send_wr.send_flags$offset());
    return (flags & Ibv.IBV_SEND_SIGNALED()) != 0;
  }

  int elements() {
    return ALL.get(JAVA_INT, address + ibv_send_wr.num_sge$offset());
  }

  long remoteAddress() {
    return ALL.get(JAVA_LONG, address + RDMA + ibv_send_wr.wr.rdma.remote_addr$offset());
  }

  int remoteKey() {
    return ALL.get(JAVA_INT, address + RDMA + ibv_send_wr.wr.rdma.rkey$offset());
  }

  /** {@return the bytes of all elements; -1 if one of them is empty} */
  int length() {
    int all = 0;
    for (int i = 0; i < elements(); i++) {
      int length = ALL.get(JAVA_INT, element(i) + ibv_sge.length$offset());
      if (length <= 0) {
        return -1;
      }
      all = Math.addExact(all, length);
    }
    return all;
  }

  int localKey(int index) {
    return ALL.get(JAVA_INT, element(index) + ibv_sge.lkey$offset());
  }

  List<SimulatedQueuePair.Element> copyElements() {
    List<SimulatedQueuePair.Element> copies = new ArrayList<>();
    for (int i = 0; i < elements(); i++) {
      copies.add(
          new SimulatedQueuePair.Element(
              ALL.get(JAVA_LONG, element(i) + ibv_sge.addr$offset()),
              ALL.get(JAVA_INT, element(i) + ibv_sge.length$offset()),
              localKey(i)));
    }
    return copies;
  }

  private long element(int index) {
    return ALL.get(JAVA_LONG, address + ibv_send_wr.sg_list$offset()) + index * ibv_sge.sizeof();
  }
}
