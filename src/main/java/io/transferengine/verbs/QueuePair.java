// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.Ibv;
import io.transferengine.bindings.ibv_qp;
import io.transferengine.bindings.ibv_qp_attr;
import io.transferengine.bindings.ibv_qp_cap;
import io.transferengine.bindings.ibv_qp_init_attr;
import io.transferengine.os.NativeCallException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Consumer;

/**
 * One end of a reliable connection. Requests run and end in the order in which they are posted.
 *
 * <p>Its life: RESET, {@link #toInit}, {@link #toReadyToReceive}, {@link #toReadyToSend}, then
 * {@link #post}. After a request that failed, or after {@link #toError}, it is in state ERROR.
 * Requests that are posted then end as flushed. Only {@link #close} makes the device forget a
 * request.
 *
 * <p>Only one thread posts, and not while another thread closes. All else is thread-safe. Methods
 * throw {@link IllegalStateException} after {@link #close}.
 */
public final class QueuePair extends Handle {
  private final DeviceHandle device;
  private final DataPath dataPath;
  private final MemorySegment handle;
  private final int number;
  private final int maxSendWorkRequests;
  private final int maxSge;
  private int lastErrno;

  /** The caller is inside {@code use} of both. */
  QueuePair(
      DeviceHandle device,
      Handle domain,
      MemorySegment domainHandle,
      CompletionQueue queue,
      QueuePairCapacity capacity) {
    super("queue pair of " + device.deviceName(), List.of(domain, queue));
    this.device = device;
    this.dataPath = device.dataPath();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment attributes = ibv_qp_init_attr.allocate(arena);
      ibv_qp_init_attr.send_cq(attributes, queue.handle());
      ibv_qp_init_attr.recv_cq(attributes, queue.handle());
      ibv_qp_init_attr.qp_type(attributes, Ibv.IBV_QPT_RC());
      ibv_qp_init_attr.sq_sig_all(attributes, 0);
      MemorySegment granted = ibv_qp_init_attr.cap(attributes);
      capacity.writeTo(granted);
      this.handle = device.library().createQp(domainHandle, attributes);
      this.maxSendWorkRequests = ibv_qp_cap.max_send_wr(granted);
      this.maxSge = ibv_qp_cap.max_send_sge(granted);
    }
    this.number = ibv_qp.qp_num(handle);
    device.queuePairOpened(handle, number);
    adopt();
  }

  /** {@return the number by which the peer addresses it: 24 bits, never 0 on today's devices} */
  public int number() {
    return number;
  }

  /** {@return the most requests that may be posted at once: as many as asked for, or more} */
  public int maxSendWorkRequests() {
    return maxSendWorkRequests;
  }

  /**
   * {@return the most scatter/gather elements of a request: as many as asked for, or more} Devices
   * may allow fewer in reads: {@link DeviceAttributes#maxReadSge}.
   */
  public int maxSge() {
    return maxSge;
  }

  /**
   * Binds it to a port: RESET to INIT.
   *
   * @param port 1 to 255
   * @param pkeyIndex index into the port's table of partition keys, 0 to 65535
   * @param accessFlags the peer's rights: {@link Access#REMOTE_READ} and the like
   * @throws NativeCallException if the device refuses, as in another state
   */
  public void toInit(int port, int pkeyIndex, int accessFlags) {
    Ranges.require("port", port, 1, 0xff);
    Ranges.require("partition key index", pkeyIndex, 0, 0xffff);
    modify(
        QueuePairState.INIT,
        QueuePairAttributes.INIT_MASK,
        struct -> QueuePairAttributes.fillInit(struct, port, pkeyIndex, accessFlags));
  }

  /**
   * Connects it to its peer: INIT to RTR. On Ethernet the kernel looks for a route and the
   * neighbour's address, which can take a second.
   *
   * @param attributes the peer and the route to it
   * @throws NativeCallException if the device refuses; ENETUNREACH, EHOSTUNREACH, ETIMEDOUT or
   *     EINVAL if there is no route to the peer
   */
  public void toReadyToReceive(ReadyToReceive attributes) {
    modify(
        QueuePairState.READY_TO_RECEIVE,
        QueuePairAttributes.READY_TO_RECEIVE_MASK,
        struct -> QueuePairAttributes.fill(struct, attributes));
  }

  /**
   * Lets it send: RTR to RTS.
   *
   * @param attributes how it sends
   * @throws NativeCallException if the device refuses
   */
  public void toReadyToSend(ReadyToSend attributes) {
    modify(
        QueuePairState.READY_TO_SEND,
        QueuePairAttributes.READY_TO_SEND_MASK,
        struct -> QueuePairAttributes.fill(struct, attributes));
  }

  /**
   * Stops it: the device touches no memory for it any more, neither for our requests nor for the
   * peer's. Every posted request that has not ended yet ends as flushed. Possible in any state but
   * RESET; may be called again.
   *
   * @throws NativeCallException if the device refuses
   */
  public void toError() {
    modify(QueuePairState.ERROR, QueuePairAttributes.STATE_MASK, struct -> {});
  }

  private void modify(QueuePairState state, int mask, Consumer<MemorySegment> fill) {
    run(
        () -> {
          try (Arena arena = Arena.ofConfined()) {
            MemorySegment attributes = QueuePairAttributes.allocate(arena, state);
            fill.accept(attributes);
            device.library().modifyQp(handle, attributes, mask);
          }
        });
  }

  /** {@return its state, queried now} */
  public QueuePairState state() {
    return use(
        () -> {
          try (Arena arena = Arena.ofConfined()) {
            MemorySegment attributes = ibv_qp_attr.allocate(arena);
            device
                .library()
                .queryQp(
                    handle,
                    attributes,
                    QueuePairAttributes.STATE_MASK,
                    ibv_qp_init_attr.allocate(arena));
            return QueuePairState.of(ibv_qp_attr.qp_state(attributes));
          }
        });
  }

  /**
   * Posts the first {@code count} requests of {@code ring} as one chain with one doorbell. Does not
   * allocate.
   *
   * @param ring may be filled again when this returns
   * @param count 0 to the ring's capacity
   * @return how many requests were accepted and will end: {@code count}, or fewer if the device
   *     refused one; then {@link #lastErrno} says why. It is also {@code count} if the device
   *     failed without naming a request: then the requests may be queued, and {@link #toError} ends
   *     them.
   */
  public int post(SendWorkRequestRing ring, int count) {
    requireOpen();
    if (count == 0) {
      return 0;
    }
    lastErrno = ring.post(dataPath, handle, count);
    return lastErrno == 0 ? count : ring.acceptedBeforeRefusal(count);
  }

  /** {@return the errno of the last {@link #post}, 0 if it succeeded} For the posting thread. */
  public int lastErrno() {
    return lastErrno;
  }

  MemorySegment handle() {
    return handle;
  }

  @Override
  void destroy() {
    try {
      device.library().destroyQp(handle);
    } finally {
      device.queuePairClosed(handle);
    }
  }
}
