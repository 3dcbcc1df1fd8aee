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
 * One end of a reliable connection: requests that are posted run in their order, and end in it.
 *
 * <p>Its life: RESET, {@link #toInit}, {@link #toReadyToReceive}, {@link #toReadyToSend}, then
 * {@link #post}. A request that fails, or {@link #toError}, leaves it in state ERROR; what is
 * posted then still ends, as flushed. Only {@link #close} makes the device forget a request.
 *
 * <p>Posting belongs to one thread, which must not post while another closes. All else is
 * thread-safe. A closed one throws {@link IllegalStateException}.
 */
public final class QueuePair extends Handle {
  private final DeviceHandle device;
  private final DataPath dataPath;
  private final MemorySegment handle;
  private final int number;
  private final int maxSendWorkRequests;
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
    }
    this.number = ibv_qp.qp_num(handle);
    device.queuePairOpened(handle, number);
    adopt();
  }

  /** {@return the number that the peer addresses it by: 24 bits, never 0 on a device of today} */
  public int number() {
    return number;
  }

  /** {@return how many requests may be out: as many as asked for, or more} */
  public int maxSendWorkRequests() {
    return maxSendWorkRequests;
  }

  /**
   * Binds it to a port: RESET to INIT.
   *
   * @param port 1 to 255
   * @param pkeyIndex index into the port's table of partition keys, 0 to 65535
   * @param accessFlags what the peer may do: {@link Access#REMOTE_READ} and the like
   * @throws NativeCallException when the device refuses, as in another state
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
   * Tells it its peer: INIT to RTR. On Ethernet the kernel looks for a route and the neighbour's
   * address meanwhile, which can take a second.
   *
   * @param attributes the peer and the way to it
   * @throws NativeCallException when the device refuses; ENETUNREACH, EHOSTUNREACH, ETIMEDOUT or
   *     EINVAL when there is no way to the peer
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
   * @throws NativeCallException when the device refuses
   */
  public void toReadyToSend(ReadyToSend attributes) {
    modify(
        QueuePairState.READY_TO_SEND,
        QueuePairAttributes.READY_TO_SEND_MASK,
        struct -> QueuePairAttributes.fill(struct, attributes));
  }

  /**
   * Stops it: the device touches no memory for it any more, neither for our requests nor for the
   * peer's, and every request that is out ends as flushed, unless it had ended already. From any
   * state but RESET; again is harmless.
   *
   * @throws NativeCallException when the device refuses
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

  /** {@return its state, asked now} */
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
   * @param ring is free to be filled again when this returns
   * @param count 0 to the ring's capacity
   * @return how many were accepted and will end: {@code count}, or fewer when the device refused
   *     one, and then {@link #lastErrno} says why. It is {@code count} as well when the device
   *     failed without saying at which request: they may be queued, and {@link #toError} ends them.
   */
  public int post(SendWorkRequestRing ring, int count) {
    requireOpen();
    if (count == 0) {
      return 0;
    }
    lastErrno = ring.post(dataPath, handle, count);
    return lastErrno == 0 ? count : ring.acceptedBeforeRefusal(count);
  }

  /** {@return the errno of the last {@link #post}, 0 when it went well} On the posting thread. */
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
