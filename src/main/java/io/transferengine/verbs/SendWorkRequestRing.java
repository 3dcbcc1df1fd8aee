// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.transferengine.bindings.Ibv;
import io.transferengine.bindings.ibv_send_wr;
import io.transferengine.bindings.ibv_sge;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Memory for a chain of requests, {@code struct ibv_send_wr[]} with some {@code struct ibv_sge}
 * each, which is allocated and linked once. A request moves bytes between one range of the peer's
 * and one or more of ours, its elements.
 *
 * <p>The device's provider copies requests while they are posted. So the same entries may be filled
 * again right after {@link QueuePair#post}, for any queue pair.
 *
 * <pre>
 *   request 0 ─next→ request 1 ─next→ … request capacity-1     sge[0][..], sge[1][..], …   refused
 *       └─ sg_list → sge[0]  └─ → sge[1]                                              (one pointer)
 * </pre>
 *
 * <p>For one thread at a time. Methods throw {@link IllegalStateException} after {@link #close}.
 */
public final class SendWorkRequestRing implements AutoCloseable {
  /** The longest chain: longer than any send queue. */
  private static final int CAPACITY_LIMIT = 1 << 16;

  /** As many as the options allow; devices take far fewer. */
  private static final int ELEMENTS_LIMIT = 1 << 16;

  private static final long SIZE = ibv_send_wr.sizeof();
  private static final long WORK_REQUEST_ID = ibv_send_wr.wr_id$offset();
  private static final long NEXT = ibv_send_wr.next$offset();
  private static final long ELEMENTS = ibv_send_wr.sg_list$offset();
  private static final long ELEMENT_COUNT = ibv_send_wr.num_sge$offset();
  private static final long OPERATION = ibv_send_wr.opcode$offset();
  private static final long FLAGS = ibv_send_wr.send_flags$offset();
  private static final long RDMA = ibv_send_wr.wr$offset() + ibv_send_wr.wr.rdma$offset();
  private static final long REMOTE_ADDRESS = RDMA + ibv_send_wr.wr.rdma.remote_addr$offset();
  private static final long REMOTE_KEY = RDMA + ibv_send_wr.wr.rdma.rkey$offset();

  private static final long ELEMENT_SIZE = ibv_sge.sizeof();
  private static final long ELEMENT_ADDRESS = ibv_sge.addr$offset();
  private static final long ELEMENT_LENGTH = ibv_sge.length$offset();
  private static final long ELEMENT_KEY = ibv_sge.lkey$offset();

  private static final int WRITE = Ibv.IBV_WR_RDMA_WRITE();
  private static final int READ = Ibv.IBV_WR_RDMA_READ();
  private static final int SIGNALED = Ibv.IBV_SEND_SIGNALED();

  private final int capacity;
  private final int elementsMax;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment segment;
  private final MemorySegment refused;
  private final long firstElement;

  /**
   * Allocates memory for a chain of {@code capacity} requests. The caller closes it.
   *
   * @param capacity 1 to 65,536
   * @param elementsMax the most ranges of ours that a request may have, 1 to 65,536; no more than
   *     the queue pairs are made for that it is posted on
   */
  public SendWorkRequestRing(int capacity, int elementsMax) {
    this.capacity = Ranges.require("capacity for requests", capacity, 1, CAPACITY_LIMIT);
    this.elementsMax = Ranges.require("elements of a request", elementsMax, 1, ELEMENTS_LIMIT);
    this.firstElement = SIZE * capacity;
    this.segment = arena.allocate(firstElement + ELEMENT_SIZE * elementsMax * capacity, Long.BYTES);
    this.refused = arena.allocate(JAVA_LONG);
    for (int i = 0; i < capacity; i++) {
      long request = i * SIZE;
      segment.set(JAVA_LONG, request + NEXT, i + 1 < capacity ? addressOf(i + 1) : 0);
      segment.set(JAVA_LONG, request + ELEMENTS, segment.address() + element(i, 0));
      segment.set(JAVA_INT, request + ELEMENT_COUNT, 1);
    }
  }

  /** {@return the number of requests that there is room for} */
  public int capacity() {
    return capacity;
  }

  /** {@return the most ranges of ours that a request may have} */
  public int elementsMax() {
    return elementsMax;
  }

  /**
   * Fills one request, which has one range of ours. Does not allocate.
   *
   * @param index 0 to {@code capacity} - 1
   * @param workRequestId the id for the completion
   * @param write true to write into the peer's memory, false to read from it
   * @param signalled whether the request has a completion if it succeeds; it always has one if it
   *     fails
   * @param localAddress first byte of our range, inside the registration of {@code localKey}
   * @param lengthBytes at least 1: to some devices, 0 means 2 GiB
   * @param localKey {@link MemoryRegion#localKey} of our registration
   * @param remoteAddress first byte of the peer's range
   * @param remoteKey the peer's key for its registration
   * @throws IllegalArgumentException if {@code lengthBytes} is below 1
   */
  public void set(
      int index,
      long workRequestId,
      boolean write,
      boolean signalled,
      long localAddress,
      int lengthBytes,
      int localKey,
      long remoteAddress,
      int remoteKey) {
    long request = Objects.checkIndex(index, capacity) * SIZE;
    requireBytes(lengthBytes);
    segment.set(JAVA_LONG, request + WORK_REQUEST_ID, workRequestId);
    segment.set(JAVA_INT, request + ELEMENT_COUNT, 1);
    segment.set(JAVA_INT, request + OPERATION, write ? WRITE : READ);
    segment.set(JAVA_INT, request + FLAGS, signalled ? SIGNALED : 0);
    segment.set(JAVA_LONG, request + REMOTE_ADDRESS, remoteAddress);
    segment.set(JAVA_INT, request + REMOTE_KEY, remoteKey);
    setElement(element(index, 0), localAddress, lengthBytes, localKey);
  }

  /**
   * Adds one more range of ours to a request that is filled already: its bytes come behind those of
   * the ranges before it. Does not allocate.
   *
   * @param index 0 to {@code capacity} - 1
   * @param localAddress first byte of the range, inside the registration of {@code localKey}
   * @param lengthBytes at least 1
   * @param localKey {@link MemoryRegion#localKey} of our registration, which may be another one
   * @throws IllegalArgumentException if {@code lengthBytes} is below 1
   * @throws IllegalStateException if the request has {@link #elementsMax} ranges already
   */
  public void add(int index, long localAddress, int lengthBytes, int localKey) {
    long request = Objects.checkIndex(index, capacity) * SIZE;
    requireBytes(lengthBytes);
    int used = segment.get(JAVA_INT, request + ELEMENT_COUNT);
    if (used >= elementsMax) {
      throw new IllegalStateException("The request has all its " + elementsMax + " ranges");
    }
    setElement(element(index, used), localAddress, lengthBytes, localKey);
    segment.set(JAVA_INT, request + ELEMENT_COUNT, used + 1);
  }

  private long element(int index, int number) {
    return firstElement + ((long) index * elementsMax + number) * ELEMENT_SIZE;
  }

  private void setElement(long element, long address, int lengthBytes, int key) {
    segment.set(JAVA_LONG, element + ELEMENT_ADDRESS, address);
    segment.set(JAVA_INT, element + ELEMENT_LENGTH, lengthBytes);
    segment.set(JAVA_INT, element + ELEMENT_KEY, key);
  }

  private static void requireBytes(int lengthBytes) {
    if (lengthBytes <= 0) {
      throw new IllegalArgumentException(
          "A request of " + lengthBytes + " bytes; it must have at least 1");
    }
  }

  /**
   * Makes a request that is filled already ask for a completion.
   *
   * @param index 0 to {@code capacity} - 1
   */
  public void signal(int index) {
    segment.set(JAVA_INT, Objects.checkIndex(index, capacity) * SIZE + FLAGS, SIGNALED);
  }

  /**
   * Fills one request that moves nothing: a write of no bytes. The peer acknowledges it like any
   * other, but does not check its key (InfiniBand specification, C9-88). If it succeeds, packets
   * reach the peer's queue pair and come back.
   *
   * @param index 0 to {@code capacity} - 1
   * @param workRequestId the id for the completion, which always comes
   */
  public void setEmpty(int index, long workRequestId) {
    long request = Objects.checkIndex(index, capacity) * SIZE;
    segment.set(JAVA_LONG, request + WORK_REQUEST_ID, workRequestId);
    segment.set(JAVA_INT, request + ELEMENT_COUNT, 0);
    segment.set(JAVA_INT, request + OPERATION, WRITE);
    segment.set(JAVA_INT, request + FLAGS, SIGNALED);
    segment.set(JAVA_LONG, request + REMOTE_ADDRESS, 0);
    segment.set(JAVA_INT, request + REMOTE_KEY, 0);
  }

  /** Posts the first {@code count} requests, 1 or more. Returns the verb's result. */
  int post(DataPath dataPath, MemorySegment queuePair, int count) {
    Objects.checkIndex(count - 1, capacity);
    long lastNext = (count - 1) * SIZE + NEXT;
    long link = segment.get(JAVA_LONG, lastNext);
    segment.set(JAVA_LONG, lastNext, 0);
    refused.set(JAVA_LONG, 0, 0);
    try {
      return dataPath.postSend(queuePair, segment, refused);
    } finally {
      segment.set(JAVA_LONG, lastNext, link);
    }
  }

  /**
   * {@return how many of {@code count} requests the last post took before it failed}
   *
   * <p>If the failure names no request of the chain, all of them count as taken: they may be in the
   * send queue. That happens with rxe's provider: it queues them first, and then rings the doorbell
   * by a {@code write(2)} that can fail.
   */
  int acceptedBeforeRefusal(int count) {
    long distance = refused.get(JAVA_LONG, 0) - segment.address();
    if (distance < 0 || distance >= count * SIZE) {
      return count;
    }
    return (int) (distance / SIZE);
  }

  private long addressOf(int index) {
    return segment.address() + index * SIZE;
  }

  /** Frees the memory. Idempotent. No post may be under way. */
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
