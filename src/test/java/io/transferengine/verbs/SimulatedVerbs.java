// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.Ibv;
import io.transferengine.bindings.ibv_comp_channel;
import io.transferengine.bindings.ibv_context;
import io.transferengine.bindings.ibv_device;
import io.transferengine.bindings.ibv_gid;
import io.transferengine.bindings.ibv_mr;
import io.transferengine.bindings.ibv_pd;
import io.transferengine.bindings.ibv_qp_attr;
import io.transferengine.bindings.ibv_qp_cap;
import io.transferengine.bindings.ibv_qp_init_attr;
import io.transferengine.os.Errno;
import io.transferengine.os.NativeCallException;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.IntSupplier;

/**
 * libibverbs as one process of a {@link SimulatedFabric} sees it. Fills and reads the same structs
 * as the real one. Made by {@link SimulatedFabric#process}; thread-safe.
 */
public final class SimulatedVerbs implements VerbsLibrary {
  /** A thread that has taken an event acknowledges it within microseconds. */
  private static final long ACKNOWLEDGE_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(5);

  private static final int PAGE = 4096;

  private final SimulatedFabric fabric;
  private final String name;
  private final Map<String, SimulatedDevice> devices = new LinkedHashMap<>();
  private final Map<Long, SimulatedDevice> byStruct = new HashMap<>();
  private final Map<Long, MemorySegment> deviceLists = new HashMap<>();
  private final Set<String> queuePairThreads = new HashSet<>();
  private boolean crashed;

  SimulatedVerbs(SimulatedFabric fabric, String name) {
    this.fabric = fabric;
    this.name = name;
  }

  void add(SimulatedDevice device) {
    devices.put(device.name(), device);
  }

  /**
   * {@return the device of that name, to do things to}
   *
   * @throws IllegalArgumentException when this process has none
   */
  public SimulatedDevice device(String deviceName) {
    SimulatedDevice device = devices.get(deviceName);
    if (device == null) {
      throw new IllegalArgumentException(this + " has no " + deviceName);
    }
    return device;
  }

  /**
   * The process dies: its queue pairs and registrations are gone, without an answer to its peers,
   * and what it had open does not count as a leak. Whoever still uses this library gets EIO.
   */
  public void crash() {
    synchronized (fabric.lock) {
      crashed = true;
      for (SimulatedQueuePair queuePair : fabric.queuePairs()) {
        if (queuePair.device.process() == this) {
          queuePair.sendQueue.clear();
          fabric.forget(queuePair);
        }
      }
      fabric.lock.notifyAll();
    }
  }

  /** {@return on which threads verbs of queue pairs were called, "verb on thread"; a copy} */
  public Set<String> queuePairThreads() {
    synchronized (fabric.lock) {
      return Set.copyOf(queuePairThreads);
    }
  }

  private void recordThread(String verb) {
    Thread thread = Thread.currentThread();
    queuePairThreads.add(
        verb + " on " + (thread.isVirtual() ? "a virtual thread" : thread.getName()));
  }

  boolean hasCrashed() {
    return crashed;
  }

  int openDeviceLists() {
    return deviceLists.size();
  }

  @Override
  public String toString() {
    return name;
  }

  @Override
  public MemorySegment getDeviceList(MemorySegment count) {
    synchronized (fabric.lock) {
      MemorySegment list =
          fabric.allocate(MemoryLayout.sequenceLayout(devices.size() + 1L, ValueLayout.ADDRESS));
      int i = 0;
      for (SimulatedDevice device : devices.values()) {
        MemorySegment struct = fabric.allocate(ibv_device.layout());
        ibv_device.name(struct).setString(0, device.name());
        byStruct.put(struct.address(), device);
        list.setAtIndex(ValueLayout.ADDRESS, i++, struct);
      }
      count.set(ValueLayout.JAVA_INT, 0, i);
      deviceLists.put(list.address(), list);
      return list;
    }
  }

  @Override
  public void freeDeviceList(MemorySegment list) {
    synchronized (fabric.lock) {
      if (deviceLists.remove(list.address()) == null) {
        throw fabric.violation("ibv_free_device_list: no such list, or freed already");
      }
      for (int i = 0; i < devices.size(); i++) {
        byStruct.remove(list.getAtIndex(ValueLayout.ADDRESS, i).address());
      }
    }
  }

  private SimulatedDevice listed(MemorySegment struct, String verb) {
    SimulatedDevice device = byStruct.get(struct.address());
    if (device == null) {
      throw fabric.violation(verb + ": the list with this device is freed");
    }
    return device;
  }

  @Override
  public String getDeviceName(MemorySegment device) {
    synchronized (fabric.lock) {
      return listed(device, "ibv_get_device_name").name();
    }
  }

  @Override
  public MemorySegment openDevice(MemorySegment device) {
    synchronized (fabric.lock) {
      SimulatedDevice found = listed(device, "ibv_open_device");
      admit(found, "ibv_open_device", found.name());
      var context = new SimulatedHandle.Context(found, ibv_context.layout());
      ibv_context.num_comp_vectors(context.struct, SimulatedLimits.COMPLETION_VECTORS);
      ibv_context.async_fd(context.struct, fabric.files.open(context.events));
      return context.struct;
    }
  }

  @Override
  public void closeDevice(MemorySegment context) {
    synchronized (fabric.lock) {
      var found = context(context, "ibv_close_device");
      fabric.destroy(found, "ibv_close_device");
      fabric.files.closeQueue(ibv_context.async_fd(context));
    }
  }

  @Override
  public void queryDevice(MemorySegment context, MemorySegment attributes) {
    synchronized (fabric.lock) {
      SimulatedDevice of = context(context, "ibv_query_device").device;
      admit(of, "ibv_query_device", "");
      SimulatedLimits.fillDevice(attributes, of.elements, of.readElements);
    }
  }

  @Override
  public void queryPort(MemorySegment context, int port, MemorySegment attributes) {
    synchronized (fabric.lock) {
      SimulatedDevice device = context(context, "ibv_query_port").device;
      admit(device, "ibv_query_port", "port_num=" + port);
      require(port == 1, "ibv_query_port", "port_num=" + port);
      SimulatedLimits.fillPort(attributes, device.isPortActive());
    }
  }

  @Override
  public void queryGid(MemorySegment context, int port, int index, MemorySegment gid) {
    synchronized (fabric.lock) {
      SimulatedDevice device = context(context, "ibv_query_gid").device;
      String arguments = "port_num=" + port + ", index=" + index;
      admit(device, "ibv_query_gid", arguments);
      require(port == 1 && index < SimulatedDevice.GID_TABLE_LENGTH, "ibv_query_gid", arguments);
      ibv_gid.raw(gid).copyFrom(MemorySegment.ofArray(device.gid(index)));
    }
  }

  @Override
  public MemorySegment allocPd(MemorySegment context) {
    synchronized (fabric.lock) {
      var owner = context(context, "ibv_alloc_pd");
      admit(owner.device, "ibv_alloc_pd", "");
      owner.users++;
      return new SimulatedHandle.Domain(owner, ibv_pd.layout()).struct;
    }
  }

  @Override
  public void deallocPd(MemorySegment protectionDomain) {
    synchronized (fabric.lock) {
      var domain = domain(protectionDomain, "ibv_dealloc_pd");
      fabric.destroy(domain, "ibv_dealloc_pd");
      domain.context.users--;
    }
  }

  @Override
  public MemorySegment regMr(
      MemorySegment protectionDomain, long address, long lengthBytes, int accessFlags) {
    synchronized (fabric.lock) {
      return registered(protectionDomain, address, lengthBytes, accessFlags, "ibv_reg_mr");
    }
  }

  private MemorySegment registered(
      MemorySegment protectionDomain,
      long address,
      long lengthBytes,
      int accessFlags,
      String verb) {
    var domain = domain(protectionDomain, verb);
    String arguments = MemoryRegion.describe(address, lengthBytes, accessFlags);
    admit(domain.device, verb, arguments);
    int needWrite = Access.REMOTE_WRITE | Access.REMOTE_ATOMIC;
    require(
        (accessFlags & needWrite) == 0 || (accessFlags & Access.LOCAL_WRITE) != 0, verb, arguments);
    domain.users++;
    var region =
        new SimulatedHandle.Region(domain, address, lengthBytes, accessFlags, ibv_mr.layout());
    fabric.register(region);
    ibv_mr.lkey(region.struct, region.localKey);
    ibv_mr.rkey(region.struct, region.remoteKey);
    return region.struct;
  }

  @Override
  public boolean hasDmabufMr() {
    return fabric.deviceMemory.hasDmaBufs();
  }

  @Override
  public MemorySegment regDmabufMr(
      MemorySegment protectionDomain,
      long offset,
      long lengthBytes,
      long iova,
      int fd,
      int accessFlags) {
    synchronized (fabric.lock) {
      String arguments = "fd=" + fd + ", " + MemoryRegion.describe(iova, lengthBytes, accessFlags);
      // As the kernel: the file's pages become those of the addresses.
      require((offset - iova) % PAGE == 0, "ibv_reg_dmabuf_mr", arguments);
      if (!fabric.deviceMemory.isExported(fd, offset, lengthBytes)) {
        throw new NativeCallException("ibv_reg_dmabuf_mr", arguments, Errno.EBADF.number());
      }
      return registered(protectionDomain, iova, lengthBytes, accessFlags, "ibv_reg_dmabuf_mr");
    }
  }

  @Override
  public void deregMr(MemorySegment memoryRegion) {
    synchronized (fabric.lock) {
      var region = fabric.find(SimulatedHandle.Region.class, memoryRegion, "ibv_dereg_mr");
      region.device.admitDeregistration(region.address, region.toString());
      fabric.destroy(region, "ibv_dereg_mr");
      region.domain.users--;
      for (SimulatedQueuePair queuePair : fabric.queuePairs()) {
        if (queuePair.sendQueue.stream().anyMatch(each -> each.uses(region))) {
          throw fabric.violation(
              "ibv_dereg_mr: " + region + " is used by requests of " + queuePair);
        }
      }
    }
  }

  @Override
  public MemorySegment createCompChannel(MemorySegment context) {
    synchronized (fabric.lock) {
      var owner = context(context, "ibv_create_comp_channel");
      admit(owner.device, "ibv_create_comp_channel", "");
      owner.users++;
      var channel = new SimulatedHandle.Channel(owner, ibv_comp_channel.layout());
      ibv_comp_channel.fd(channel.struct, fabric.files.open(channel.events));
      return channel.struct;
    }
  }

  @Override
  public void destroyCompChannel(MemorySegment channel) {
    synchronized (fabric.lock) {
      var found = channel(channel, "ibv_destroy_comp_channel");
      fabric.destroy(found, "ibv_destroy_comp_channel");
      fabric.files.closeQueue(ibv_comp_channel.fd(channel));
      found.context.users--;
    }
  }

  @Override
  public MemorySegment createCq(
      MemorySegment context, int entries, MemorySegment channel, int vector) {
    synchronized (fabric.lock) {
      var owner = context(context, "ibv_create_cq");
      var events = channel(channel, "ibv_create_cq");
      String arguments = "cqe=" + entries + ", comp_vector=" + vector;
      admit(owner.device, "ibv_create_cq", arguments);
      require(
          entries > 0
              && entries <= SimulatedLimits.COMPLETION_QUEUE_ENTRIES
              && vector >= 0
              && vector < SimulatedLimits.COMPLETION_VECTORS,
          "ibv_create_cq",
          arguments);
      owner.users++;
      events.users++;
      return new SimulatedCompletionQueue(owner, events, SimulatedLimits.granted(entries), vector)
          .struct;
    }
  }

  @Override
  public void destroyCq(MemorySegment completionQueue) {
    synchronized (fabric.lock) {
      var queue = fabric.find(SimulatedCompletionQueue.class, completionQueue, "ibv_destroy_cq");
      awaitAcknowledged(queue, () -> queue.unacknowledged, "ibv_destroy_cq");
      fabric.destroy(queue, "ibv_destroy_cq");
      queue.channel.events.removeIf(each -> each == queue);
      queue.context.users--;
      queue.channel.users--;
    }
  }

  @Override
  public MemorySegment getCqEvent(MemorySegment channel) {
    synchronized (fabric.lock) {
      var found = channel(channel, "ibv_get_cq_event");
      SimulatedCompletionQueue queue = found.events.poll();
      if (queue == null) {
        fabric.files.requireNonBlocking(ibv_comp_channel.fd(channel), "ibv_get_cq_event");
        return MemorySegment.NULL;
      }
      queue.unacknowledged++;
      return queue.struct;
    }
  }

  @Override
  public void ackCqEvents(MemorySegment completionQueue, int count) {
    synchronized (fabric.lock) {
      var queue = fabric.find(SimulatedCompletionQueue.class, completionQueue, "ibv_ack_cq_events");
      queue.unacknowledged -= count;
      fabric.lock.notifyAll();
      if (queue.unacknowledged < 0) {
        throw fabric.violation("ibv_ack_cq_events: more than there were, on " + queue);
      }
    }
  }

  @Override
  public MemorySegment createQp(MemorySegment protectionDomain, MemorySegment attributes) {
    synchronized (fabric.lock) {
      recordThread("ibv_create_qp");
      var domain = domain(protectionDomain, "ibv_create_qp");
      var queue =
          fabric.find(
              SimulatedCompletionQueue.class,
              ibv_qp_init_attr.send_cq(attributes),
              "ibv_create_qp");
      MemorySegment capacity = ibv_qp_init_attr.cap(attributes);
      int sendWorkRequests = ibv_qp_cap.max_send_wr(capacity);
      String arguments = QueuePairCapacity.describe(attributes);
      admit(domain.device, "ibv_create_qp", arguments);
      require(
          ibv_qp_init_attr.recv_cq(attributes).equals(ibv_qp_init_attr.send_cq(attributes))
              && ibv_qp_init_attr.qp_type(attributes) == Ibv.IBV_QPT_RC()
              && ibv_qp_init_attr.sq_sig_all(attributes) == 0
              && queue.context == domain.context
              && sendWorkRequests <= SimulatedLimits.QUEUE_PAIR_WORK_REQUESTS
              && ibv_qp_cap.max_recv_wr(capacity) <= SimulatedLimits.QUEUE_PAIR_WORK_REQUESTS
              && ibv_qp_cap.max_send_sge(capacity) <= domain.device.elements
              && ibv_qp_cap.max_recv_sge(capacity) <= domain.device.elements,
          "ibv_create_qp",
          arguments);
      int granted = SimulatedLimits.granted(sendWorkRequests);
      ibv_qp_cap.max_send_wr(capacity, granted);
      domain.users++;
      queue.users++;
      var queuePair =
          new SimulatedQueuePair(
              domain,
              queue,
              fabric.takeQueuePairNumber(),
              granted,
              ibv_qp_cap.max_send_sge(capacity));
      fabric.connectable(queuePair);
      return queuePair.struct;
    }
  }

  @Override
  public void destroyQp(MemorySegment queuePair) {
    synchronized (fabric.lock) {
      recordThread("ibv_destroy_qp");
      var found = fabric.find(SimulatedQueuePair.class, queuePair, "ibv_destroy_qp");
      awaitAcknowledged(found, () -> found.unacknowledged, "ibv_destroy_qp");
      fabric.destroy(found, "ibv_destroy_qp");
      found.sendQueue.clear();
      found.queue.forget(found);
      fabric.forget(found);
      found.domain.context.events.removeIf(event -> SimulatedEvents.isOf(event, found));
      found.domain.users--;
      found.queue.users--;
      fabric.lock.notifyAll();
    }
  }

  @Override
  public void modifyQp(MemorySegment queuePair, MemorySegment attributes, int mask) {
    synchronized (fabric.lock) {
      if (QueuePairState.of(ibv_qp_attr.qp_state(attributes)) == QueuePairState.READY_TO_RECEIVE) {
        fabric.faults.waitWhileConnectingStalls();
      }
      fabric.faults.throwIfAsked("ibv_modify_qp");
      recordThread("ibv_modify_qp");
      var found = fabric.find(SimulatedQueuePair.class, queuePair, "ibv_modify_qp");
      String arguments =
          "qp_num=" + found.number + ", " + QueuePairAttributes.describe(attributes, mask);
      admit(found.device, "ibv_modify_qp", arguments);
      int errno = SimulatedSteps.step(fabric, found, attributes, mask);
      if (errno != 0) {
        throw new NativeCallException("ibv_modify_qp", arguments, errno);
      }
      fabric.lock.notifyAll();
    }
  }

  @Override
  public void queryQp(
      MemorySegment queuePair,
      MemorySegment attributes,
      int mask,
      MemorySegment initialAttributes) {
    synchronized (fabric.lock) {
      var found = fabric.find(SimulatedQueuePair.class, queuePair, "ibv_query_qp");
      admit(found.device, "ibv_query_qp", "qp_num=" + found.number);
      ibv_qp_attr.qp_state(attributes, found.state.raw());
    }
  }

  @Override
  public boolean getAsyncEvent(MemorySegment context, MemorySegment event) {
    synchronized (fabric.lock) {
      var found = context(context, "ibv_get_async_event");
      var first = found.events.poll();
      if (first == null) {
        fabric.files.requireNonBlocking(ibv_context.async_fd(context), "ibv_get_async_event");
        return false;
      }
      SimulatedEvents.write(fabric, first, event);
      return true;
    }
  }

  @Override
  public void ackAsyncEvent(MemorySegment event) {
    synchronized (fabric.lock) {
      SimulatedEvents.acknowledge(fabric, event);
    }
  }

  @Override
  public DataPath dataPath(MemorySegment context) {
    synchronized (fabric.lock) {
      context(context, "ibv_context.ops");
      return new SimulatedDataPath(fabric);
    }
  }

  private SimulatedHandle.Context context(MemorySegment handle, String verb) {
    return fabric.find(SimulatedHandle.Context.class, handle, verb);
  }

  private SimulatedHandle.Domain domain(MemorySegment handle, String verb) {
    return fabric.find(SimulatedHandle.Domain.class, handle, verb);
  }

  private SimulatedHandle.Channel channel(MemorySegment handle, String verb) {
    return fabric.find(SimulatedHandle.Channel.class, handle, verb);
  }

  private void admit(SimulatedDevice device, String verb, String arguments) {
    if (crashed) {
      throw new NativeCallException(verb, arguments, Errno.EIO.number());
    }
    device.admit(verb, arguments);
  }

  private static void require(boolean valid, String verb, String arguments) {
    if (!valid) {
      throw new NativeCallException(verb, arguments, Errno.EINVAL.number());
    }
  }

  /** As the library does: another thread may be about to acknowledge. It would wait for ever. */
  private void awaitAcknowledged(SimulatedHandle handle, IntSupplier unacknowledged, String verb) {
    long endNanos = System.nanoTime() + ACKNOWLEDGE_LIMIT_NANOS;
    boolean interrupted = false;
    while (unacknowledged.getAsInt() != 0) {
      long leftMillis = TimeUnit.NANOSECONDS.toMillis(endNanos - System.nanoTime());
      if (leftMillis <= 0) {
        throw fabric.violation(
            verb + " would block for ever: " + handle + " has unacknowledged events");
      }
      try {
        fabric.lock.wait(leftMillis);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void awaitReadable(int[] fds, boolean[] readable, int timeoutMillis) {
    fabric.files.awaitReadable(fds, readable, timeoutMillis);
  }

  @Override
  public int eventfd() {
    return fabric.files.eventfd();
  }

  @Override
  public void signal(int eventfd) {
    fabric.files.signal(eventfd);
  }

  @Override
  public void drain(int eventfd) {
    fabric.files.drain(eventfd);
  }

  @Override
  public void close(int fd) {
    fabric.files.close(fd);
  }

  @Override
  public void setNonBlocking(int fd) {
    fabric.files.setNonBlocking(fd);
  }

  @Override
  public int nodeOfPage(long address) {
    return fabric.files.nodeOfPage(address);
  }
}
