// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.os.NativeCallException;
import io.transferengine.os.SystemCalls;
import java.lang.foreign.MemorySegment;

/**
 * The seam to libibverbs: one method for each verb that is used, with C's arguments and structs.
 *
 * <p>In C, verbs report errors in different ways: a verb that returns a pointer returns null and
 * sets {@code errno}; most verbs that return {@code int} return the errno itself; a few return -1
 * and set it. Here, all of them throw {@link NativeCallException} with the number. Only the verbs
 * of {@link DataPath} return it.
 *
 * <p>A handle is a segment of its struct, with the members that the bindings know. It is valid
 * until it is destroyed. These methods do not check that a handle is still valid, or that handles
 * are destroyed in the right order: a mistake can end the process. The typed classes of this
 * package prevent such mistakes.
 *
 * <p>As thread-safe as libibverbs: all verbs may run at the same time, except with a verb that
 * destroys their argument.
 */
public interface VerbsLibrary extends SystemCalls {
  /**
   * {@return {@code struct ibv_device *[n]}, which the caller frees with {@link #freeDeviceList}}
   * {@code ibv_get_device_list(3)}; sets errno: ENOSYS if the kernel has no RDMA.
   *
   * @param count {@code int *}, set to n
   */
  MemorySegment getDeviceList(MemorySegment count);

  /**
   * Frees a list of devices. Open devices stay open. {@code ibv_free_device_list(3)}
   *
   * @param list from {@link #getDeviceList}
   */
  void freeDeviceList(MemorySegment list);

  /**
   * {@return the device's name} {@code ibv_get_device_name(3)}, which cannot fail.
   *
   * @param device {@code struct ibv_device *} of a list that was not freed
   */
  String getDeviceName(MemorySegment device);

  /**
   * {@return {@code struct ibv_context *}} {@code ibv_open_device(3)}; sets errno.
   *
   * @param device {@code struct ibv_device *} of a list that was not freed
   */
  MemorySegment openDevice(MemorySegment device);

  /**
   * Closes a context. All objects made from it must be gone. {@code ibv_close_device(3)}; returns
   * errno.
   *
   * @param context {@code struct ibv_context *}
   */
  void closeDevice(MemorySegment context);

  /**
   * Reads a device's limits. {@code ibv_query_device(3)}; returns errno.
   *
   * @param context {@code struct ibv_context *}
   * @param attributes {@code struct ibv_device_attr *}
   */
  void queryDevice(MemorySegment context, MemorySegment attributes);

  /**
   * Reads a port's state. {@code ibv_query_port(3)}; returns errno. The exported symbol fills an
   * older, shorter struct. The caller passes zeros, and members beyond that struct stay zero.
   *
   * @param context {@code struct ibv_context *}
   * @param port from 1
   * @param attributes {@code struct ibv_port_attr *}, zeroed
   */
  void queryPort(MemorySegment context, int port, MemorySegment attributes);

  /**
   * Reads an entry of a port's GID table. {@code ibv_query_gid(3)}; returns -1 and sets errno.
   *
   * @param context {@code struct ibv_context *}
   * @param port from 1
   * @param index from 0
   * @param gid {@code union ibv_gid *}
   */
  void queryGid(MemorySegment context, int port, int index, MemorySegment gid);

  /**
   * {@return {@code struct ibv_pd *}} {@code ibv_alloc_pd(3)}; sets errno.
   *
   * @param context {@code struct ibv_context *}
   */
  MemorySegment allocPd(MemorySegment context);

  /**
   * Frees a protection domain without registrations and queue pairs. {@code ibv_dealloc_pd(3)};
   * returns errno: EBUSY if something is left in it.
   *
   * @param protectionDomain {@code struct ibv_pd *}
   */
  void deallocPd(MemorySegment protectionDomain);

  /**
   * {@return {@code struct ibv_mr *}} {@code ibv_reg_mr(3)}; sets errno: ENOMEM beyond the limit of
   * locked memory, EFAULT for a range that is not mapped. In C a macro calls {@code
   * ibv_reg_mr_iova2} for access flags of the optional range; so does this method. If the library
   * is too old for it, such flags are left out, which their definition allows.
   *
   * @param protectionDomain {@code struct ibv_pd *}
   * @param address the range's first byte
   * @param lengthBytes the range's length
   * @param accessFlags {@code enum ibv_access_flags}
   */
  MemorySegment regMr(
      MemorySegment protectionDomain, long address, long lengthBytes, int accessFlags);

  /** {@return whether {@link #regDmabufMr} is there: since rdma-core 34} */
  boolean hasDmabufMr();

  /**
   * {@return {@code struct ibv_mr *}} {@code ibv_reg_dmabuf_mr(3)}; sets errno: EOPNOTSUPP where
   * the device or the kernel cannot do it.
   *
   * @param protectionDomain {@code struct ibv_pd *}
   * @param offset of the range's first byte in the dma-buf
   * @param lengthBytes the range's length
   * @param iova the address that requests name for the first byte
   * @param fd the dma-buf's descriptor, which the caller may close afterwards
   * @param accessFlags {@code enum ibv_access_flags}
   */
  MemorySegment regDmabufMr(
      MemorySegment protectionDomain,
      long offset,
      long lengthBytes,
      long iova,
      int fd,
      int accessFlags);

  /**
   * Ends a registration. The device does not touch the memory any more. {@code ibv_dereg_mr(3)};
   * returns errno.
   *
   * @param memoryRegion {@code struct ibv_mr *}
   */
  void deregMr(MemorySegment memoryRegion);

  /**
   * {@return {@code struct ibv_comp_channel *}} {@code ibv_create_comp_channel(3)}; sets errno.
   *
   * @param context {@code struct ibv_context *}
   */
  MemorySegment createCompChannel(MemorySegment context);

  /**
   * Destroys a channel that no completion queue uses. {@code ibv_destroy_comp_channel(3)}; returns
   * errno.
   *
   * @param channel {@code struct ibv_comp_channel *}
   */
  void destroyCompChannel(MemorySegment channel);

  /**
   * {@return {@code struct ibv_cq *}} {@code ibv_create_cq(3)}; sets errno.
   *
   * @param context {@code struct ibv_context *}
   * @param entries the number of completions that it must have room for
   * @param channel {@code struct ibv_comp_channel *}
   * @param vector which interrupt of the device reports its events, from 0 up
   */
  MemorySegment createCq(MemorySegment context, int entries, MemorySegment channel, int vector);

  /**
   * Destroys a queue that no queue pair uses. {@code ibv_destroy_cq(3)}; returns errno. Blocks
   * until all its events are acknowledged.
   *
   * @param completionQueue {@code struct ibv_cq *}
   */
  void destroyCq(MemorySegment completionQueue);

  /**
   * Takes one completion event. {@code ibv_get_cq_event(3)}; returns -1 and sets errno. The
   * channel's descriptor must be non-blocking.
   *
   * @param channel {@code struct ibv_comp_channel *}
   * @return {@code struct ibv_cq *} of the queue, whose event must be acknowledged; {@link
   *     MemorySegment#NULL} if there is no event
   */
  MemorySegment getCqEvent(MemorySegment channel);

  /**
   * Acknowledges completion events. {@code ibv_ack_cq_events(3)}, which cannot fail.
   *
   * @param completionQueue from {@link #getCqEvent}
   * @param count the number of events
   */
  void ackCqEvents(MemorySegment completionQueue, int count);

  /**
   * {@return {@code struct ibv_qp *}} {@code ibv_create_qp(3)}; sets errno.
   *
   * @param protectionDomain {@code struct ibv_pd *}
   * @param attributes {@code struct ibv_qp_init_attr *}; its {@code cap} is set to the granted
   *     sizes
   */
  MemorySegment createQp(MemorySegment protectionDomain, MemorySegment attributes);

  /**
   * Destroys a queue pair, its requests and its completions. {@code ibv_destroy_qp(3)}; returns
   * errno. Blocks until all its asynchronous events are acknowledged.
   *
   * @param queuePair {@code struct ibv_qp *}
   */
  void destroyQp(MemorySegment queuePair);

  /**
   * Changes attributes of a queue pair, its state among them. {@code ibv_modify_qp(3)}; returns
   * errno.
   *
   * @param queuePair {@code struct ibv_qp *}
   * @param attributes {@code struct ibv_qp_attr *}
   * @param mask {@code enum ibv_qp_attr_mask}: the attributes to change
   */
  void modifyQp(MemorySegment queuePair, MemorySegment attributes, int mask);

  /**
   * Reads attributes of a queue pair. {@code ibv_query_qp(3)}; returns errno.
   *
   * @param queuePair {@code struct ibv_qp *}
   * @param attributes {@code struct ibv_qp_attr *}
   * @param mask {@code enum ibv_qp_attr_mask}: the attributes to read
   * @param initialAttributes {@code struct ibv_qp_init_attr *}
   */
  void queryQp(
      MemorySegment queuePair, MemorySegment attributes, int mask, MemorySegment initialAttributes);

  /**
   * Takes one asynchronous event. {@code ibv_get_async_event(3)}; returns -1 and sets errno. The
   * context's {@code async_fd} must be non-blocking.
   *
   * @param context {@code struct ibv_context *}
   * @param event {@code struct ibv_async_event *}
   * @return whether there was an event; the caller must acknowledge it
   */
  boolean getAsyncEvent(MemorySegment context, MemorySegment event);

  /**
   * Acknowledges an asynchronous event. {@code ibv_ack_async_event(3)}, which cannot fail.
   *
   * @param event as {@link #getAsyncEvent} filled it
   */
  void ackAsyncEvent(MemorySegment event);

  /**
   * {@return the verbs that run for each request, for the queue pairs and completion queues of
   * {@code context}}
   *
   * @param context {@code struct ibv_context *}
   */
  DataPath dataPath(MemorySegment context);
}
