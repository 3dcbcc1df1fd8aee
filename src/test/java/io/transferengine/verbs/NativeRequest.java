// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.transferengine.bindings.Ibv;
import io.transferengine.bindings.ibv_send_wr;
import io.transferengine.bindings.ibv_sge;
import java.lang.foreign.MemorySegment;

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

  /** This and the next two: of the one element; 0 when there is none. */
  long localAddress() {
    return elements() == 0 ? 0 : ALL.get(JAVA_LONG, element() + ibv_sge.addr$offset());
  }

  int length() {
    return elements() == 0 ? 0 : ALL.get(JAVA_INT, element() + ibv_sge.length$offset());
  }

  int localKey() {
    return elements() == 0 ? 0 : ALL.get(JAVA_INT, element() + ibv_sge.lkey$offset());
  }

  private long element() {
    return ALL.get(JAVA_LONG, address + ibv_send_wr.sg_list$offset());
  }
}
