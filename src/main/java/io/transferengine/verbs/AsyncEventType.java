// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.Ibv;

/** The kinds of events that a device reports: {@code ibv_get_async_event(3)}. */
public enum AsyncEventType {
  /** A completion queue has overflown. */
  COMPLETION_QUEUE_ERROR(Ibv.IBV_EVENT_CQ_ERR(), Element.COMPLETION_QUEUE),
  /** A queue pair failed and is in state ERROR. */
  QUEUE_PAIR_FATAL(Ibv.IBV_EVENT_QP_FATAL(), Element.QUEUE_PAIR),
  /** A peer's request was malformed; the queue pair is in state ERROR. */
  QUEUE_PAIR_REQUEST_ERROR(Ibv.IBV_EVENT_QP_REQ_ERR(), Element.QUEUE_PAIR),
  /** A peer's request had no right to its memory; the queue pair is in state ERROR. */
  QUEUE_PAIR_ACCESS_ERROR(Ibv.IBV_EVENT_QP_ACCESS_ERR(), Element.QUEUE_PAIR),
  /** The first message came while the queue pair was not yet ready to send. */
  COMMUNICATION_ESTABLISHED(Ibv.IBV_EVENT_COMM_EST(), Element.QUEUE_PAIR),
  /** A send queue that was to drain is empty. */
  SEND_QUEUE_DRAINED(Ibv.IBV_EVENT_SQ_DRAINED(), Element.QUEUE_PAIR),
  /** A connection moved to its alternate path. */
  PATH_MIGRATED(Ibv.IBV_EVENT_PATH_MIG(), Element.QUEUE_PAIR),
  /** A connection could not move to its alternate path. */
  PATH_MIGRATION_ERROR(Ibv.IBV_EVENT_PATH_MIG_ERR(), Element.QUEUE_PAIR),
  /** The device is unusable, or gone. */
  DEVICE_FATAL(Ibv.IBV_EVENT_DEVICE_FATAL(), Element.DEVICE),
  /** A port's link is up. */
  PORT_ACTIVE(Ibv.IBV_EVENT_PORT_ACTIVE(), Element.PORT),
  /** A port's link is down. */
  PORT_ERROR(Ibv.IBV_EVENT_PORT_ERR(), Element.PORT),
  /** A port's LID has changed. */
  LID_CHANGE(Ibv.IBV_EVENT_LID_CHANGE(), Element.PORT),
  /** A port's table of partition keys has changed. */
  PARTITION_KEY_CHANGE(Ibv.IBV_EVENT_PKEY_CHANGE(), Element.PORT),
  /** There is a new subnet manager. */
  SUBNET_MANAGER_CHANGE(Ibv.IBV_EVENT_SM_CHANGE(), Element.PORT),
  /** A shared receive queue failed. We use none. */
  SHARED_RECEIVE_QUEUE_ERROR(Ibv.IBV_EVENT_SRQ_ERR(), Element.OTHER),
  /** A shared receive queue is nearly empty. We use none. */
  SHARED_RECEIVE_QUEUE_LIMIT(Ibv.IBV_EVENT_SRQ_LIMIT_REACHED(), Element.OTHER),
  /** The last receive of a queue pair with a shared receive queue was used. */
  LAST_RECEIVE_REACHED(Ibv.IBV_EVENT_QP_LAST_WQE_REACHED(), Element.QUEUE_PAIR),
  /** The subnet manager wants clients to register again. */
  CLIENT_REREGISTER(Ibv.IBV_EVENT_CLIENT_REREGISTER(), Element.PORT),
  /** A port's GID table has changed. */
  GID_CHANGE(Ibv.IBV_EVENT_GID_CHANGE(), Element.PORT),
  /** A work queue failed. We use none. */
  WORK_QUEUE_FATAL(Ibv.IBV_EVENT_WQ_FATAL(), Element.OTHER),
  /** A number that is not in verbs.h. */
  UNKNOWN(-1, Element.OTHER);

  /** The object that an event is about. */
  enum Element {
    DEVICE,
    PORT,
    QUEUE_PAIR,
    COMPLETION_QUEUE,
    OTHER
  }

  private final int raw;
  private final Element element;

  AsyncEventType(int raw, Element element) {
    this.raw = raw;
    this.element = element;
  }

  int raw() {
    return raw;
  }

  Element element() {
    return element;
  }

  /** {@return the type, {@link #UNKNOWN} for a number that is not in verbs.h} */
  static AsyncEventType of(int raw) {
    for (AsyncEventType type : values()) {
      if (type.raw == raw) {
        return type;
      }
    }
    return UNKNOWN;
  }
}
