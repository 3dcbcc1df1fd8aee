// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.transferengine.bindings.Ibv;
import io.transferengine.bindings.ibv_comp_channel;
import io.transferengine.bindings.ibv_context;
import io.transferengine.bindings.ibv_context_ops;
import io.transferengine.bindings.ibv_cq;
import io.transferengine.bindings.ibv_mr;
import io.transferengine.bindings.ibv_pd;
import io.transferengine.bindings.ibv_qp;
import io.transferengine.os.CapturedErrno;
import io.transferengine.os.Errno;
import io.transferengine.os.FfmSystemCalls;
import io.transferengine.os.NativeCallException;
import io.transferengine.os.SystemCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * libibverbs itself. Together with {@link FfmSystemCalls}, the only hand-written class that makes
 * and calls method handles.
 *
 * <p>The generated bindings have the descriptors. The handles are made here, because they must
 * capture errno, and must use the library that {@link VerbsLoader} has opened. Verbs with the same
 * signature share a method that calls them.
 */
@SuppressWarnings("restricted") // calls C; the typed classes check the arguments
public final class FfmVerbsLibrary implements VerbsLibrary {
  private final SystemCalls systemCalls = new FfmSystemCalls();

  private final MethodHandle getDeviceList;
  private final MethodHandle freeDeviceList;
  private final MethodHandle getDeviceName;
  private final MethodHandle openDevice;
  private final MethodHandle closeDevice;
  private final MethodHandle queryDevice;
  private final MethodHandle queryPort;
  private final MethodHandle queryGid;
  private final MethodHandle allocPd;
  private final MethodHandle deallocPd;
  private final MethodHandle regMr;
  private final Optional<MethodHandle> regMrIova2;
  private final Optional<MethodHandle> regDmabufMr;
  private final MethodHandle deregMr;
  private final MethodHandle createCompChannel;
  private final MethodHandle destroyCompChannel;
  private final MethodHandle createCq;
  private final MethodHandle destroyCq;
  private final MethodHandle getCqEvent;
  private final MethodHandle ackCqEvents;
  private final MethodHandle createQp;
  private final MethodHandle destroyQp;
  private final MethodHandle modifyQp;
  private final MethodHandle queryQp;
  private final MethodHandle getAsyncEvent;
  private final MethodHandle ackAsyncEvent;

  /**
   * Finds all verbs that we need.
   *
   * @param symbols the symbols of libibverbs, which stays loaded
   * @throws MissingSymbolException if a verb is missing
   */
  FfmVerbsLibrary(SymbolLookup symbols) {
    getDeviceList = handle(symbols, "ibv_get_device_list", Ibv.ibv_get_device_list$descriptor());
    freeDeviceList = handle(symbols, "ibv_free_device_list", Ibv.ibv_free_device_list$descriptor());
    getDeviceName = handle(symbols, "ibv_get_device_name", Ibv.ibv_get_device_name$descriptor());
    openDevice = handle(symbols, "ibv_open_device", Ibv.ibv_open_device$descriptor());
    closeDevice = handle(symbols, "ibv_close_device", Ibv.ibv_close_device$descriptor());
    queryDevice = handle(symbols, "ibv_query_device", Ibv.ibv_query_device$descriptor());
    queryPort = handle(symbols, "ibv_query_port", Ibv.ibv_query_port$descriptor());
    queryGid = handle(symbols, "ibv_query_gid", Ibv.ibv_query_gid$descriptor());
    allocPd = handle(symbols, "ibv_alloc_pd", Ibv.ibv_alloc_pd$descriptor());
    deallocPd = handle(symbols, "ibv_dealloc_pd", Ibv.ibv_dealloc_pd$descriptor());
    regMr = handle(symbols, "ibv_reg_mr", Ibv.ibv_reg_mr$descriptor());
    regMrIova2 =
        symbols
            .find("ibv_reg_mr_iova2")
            .map(address -> handle(address, Ibv.ibv_reg_mr_iova2$descriptor()));
    regDmabufMr =
        symbols
            .find("ibv_reg_dmabuf_mr")
            .map(address -> handle(address, Ibv.ibv_reg_dmabuf_mr$descriptor()));
    deregMr = handle(symbols, "ibv_dereg_mr", Ibv.ibv_dereg_mr$descriptor());
    createCompChannel =
        handle(symbols, "ibv_create_comp_channel", Ibv.ibv_create_comp_channel$descriptor());
    destroyCompChannel =
        handle(symbols, "ibv_destroy_comp_channel", Ibv.ibv_destroy_comp_channel$descriptor());
    createCq = handle(symbols, "ibv_create_cq", Ibv.ibv_create_cq$descriptor());
    destroyCq = handle(symbols, "ibv_destroy_cq", Ibv.ibv_destroy_cq$descriptor());
    getCqEvent = handle(symbols, "ibv_get_cq_event", Ibv.ibv_get_cq_event$descriptor());
    ackCqEvents = handle(symbols, "ibv_ack_cq_events", Ibv.ibv_ack_cq_events$descriptor());
    createQp = handle(symbols, "ibv_create_qp", Ibv.ibv_create_qp$descriptor());
    destroyQp = handle(symbols, "ibv_destroy_qp", Ibv.ibv_destroy_qp$descriptor());
    modifyQp = handle(symbols, "ibv_modify_qp", Ibv.ibv_modify_qp$descriptor());
    queryQp = handle(symbols, "ibv_query_qp", Ibv.ibv_query_qp$descriptor());
    getAsyncEvent = handle(symbols, "ibv_get_async_event", Ibv.ibv_get_async_event$descriptor());
    ackAsyncEvent = handle(symbols, "ibv_ack_async_event", Ibv.ibv_ack_async_event$descriptor());
  }

  private static MethodHandle handle(
      SymbolLookup symbols, String name, FunctionDescriptor descriptor) {
    return handle(
        symbols.find(name).orElseThrow(() -> new MissingSymbolException(name)), descriptor);
  }

  private static MethodHandle handle(MemorySegment address, FunctionDescriptor descriptor) {
    return Linker.nativeLinker().downcallHandle(address, descriptor, CapturedErrno.OPTION);
  }

  @Override
  public MemorySegment getDeviceList(MemorySegment count) {
    MemorySegment list = toPointer(getDeviceList, count);
    MemoryLayout layout = MemoryLayout.sequenceLayout(count.get(JAVA_INT, 0), ADDRESS);
    return require(list, layout, "ibv_get_device_list", "");
  }

  @Override
  public void freeDeviceList(MemorySegment list) {
    toNothing(freeDeviceList, list);
  }

  @Override
  public String getDeviceName(MemorySegment device) {
    return toPointer(getDeviceName, device).getString(0);
  }

  @Override
  public MemorySegment openDevice(MemorySegment device) {
    return require(
        toPointer(openDevice, device), ibv_context.layout(), "ibv_open_device", text(device));
  }

  @Override
  public void closeDevice(MemorySegment context) {
    require(toInt(closeDevice, context), "ibv_close_device", text(context));
  }

  @Override
  public void queryDevice(MemorySegment context, MemorySegment attributes) {
    require(toInt(queryDevice, context, attributes), "ibv_query_device", text(context));
  }

  @Override
  public void queryPort(MemorySegment context, int port, MemorySegment attributes) {
    int result;
    try {
      result = (int) queryPort.invokeExact(CapturedErrno.state(), context, (byte) port, attributes);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
    require(result, "ibv_query_port", text(context) + ", port_num=" + port);
  }

  @Override
  public void queryGid(MemorySegment context, int port, int index, MemorySegment gid) {
    int result;
    try {
      result = (int) queryGid.invokeExact(CapturedErrno.state(), context, (byte) port, index, gid);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
    require(result, "ibv_query_gid", text(context) + ", port_num=" + port + ", index=" + index);
  }

  @Override
  public MemorySegment allocPd(MemorySegment context) {
    return require(toPointer(allocPd, context), ibv_pd.layout(), "ibv_alloc_pd", text(context));
  }

  @Override
  public void deallocPd(MemorySegment protectionDomain) {
    require(toInt(deallocPd, protectionDomain), "ibv_dealloc_pd", text(protectionDomain));
  }

  @Override
  public MemorySegment regMr(
      MemorySegment protectionDomain, long address, long lengthBytes, int accessFlags) {
    MemorySegment first = MemorySegment.ofAddress(address);
    boolean optional = (accessFlags & Ibv.IBV_ACCESS_OPTIONAL_RANGE()) != 0;
    String call = optional && regMrIova2.isPresent() ? "ibv_reg_mr_iova2" : "ibv_reg_mr";
    MemorySegment region;
    try {
      if (optional && regMrIova2.isPresent()) {
        // As verbs.h does: peers address the memory as we do.
        region =
            (MemorySegment)
                regMrIova2
                    .get()
                    .invokeExact(
                        CapturedErrno.state(),
                        protectionDomain,
                        first,
                        lengthBytes,
                        address,
                        accessFlags);
      } else {
        int required = accessFlags & ~Ibv.IBV_ACCESS_OPTIONAL_RANGE();
        region =
            (MemorySegment)
                regMr.invokeExact(
                    CapturedErrno.state(), protectionDomain, first, lengthBytes, required);
      }
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
    return require(
        region, ibv_mr.layout(), call, MemoryRegion.describe(address, lengthBytes, accessFlags));
  }

  @Override
  public boolean hasDmabufMr() {
    return regDmabufMr.isPresent();
  }

  @Override
  public MemorySegment regDmabufMr(
      MemorySegment protectionDomain,
      long offset,
      long lengthBytes,
      long iova,
      int fd,
      int accessFlags) {
    MemorySegment region;
    try {
      region =
          (MemorySegment)
              regDmabufMr
                  .orElseThrow()
                  .invokeExact(
                      CapturedErrno.state(),
                      protectionDomain,
                      offset,
                      lengthBytes,
                      iova,
                      fd,
                      accessFlags);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
    return require(
        region,
        ibv_mr.layout(),
        "ibv_reg_dmabuf_mr",
        "offset=%d, iova=0x%x, length=%d, fd=%d, access=0x%x"
            .formatted(offset, iova, lengthBytes, fd, accessFlags));
  }

  @Override
  public void deregMr(MemorySegment memoryRegion) {
    require(toInt(deregMr, memoryRegion), "ibv_dereg_mr", text(memoryRegion));
  }

  @Override
  public MemorySegment createCompChannel(MemorySegment context) {
    return require(
        toPointer(createCompChannel, context),
        ibv_comp_channel.layout(),
        "ibv_create_comp_channel",
        text(context));
  }

  @Override
  public void destroyCompChannel(MemorySegment channel) {
    require(toInt(destroyCompChannel, channel), "ibv_destroy_comp_channel", text(channel));
  }

  @Override
  public MemorySegment createCq(
      MemorySegment context, int entries, MemorySegment channel, int vector) {
    MemorySegment queue;
    try {
      queue =
          (MemorySegment)
              createCq.invokeExact(
                  CapturedErrno.state(), context, entries, MemorySegment.NULL, channel, vector);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
    return require(
        queue, ibv_cq.layout(), "ibv_create_cq", "cqe=" + entries + ", comp_vector=" + vector);
  }

  @Override
  public void destroyCq(MemorySegment completionQueue) {
    require(toInt(destroyCq, completionQueue), "ibv_destroy_cq", text(completionQueue));
  }

  @Override
  public MemorySegment getCqEvent(MemorySegment channel) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment queue = arena.allocate(Ibv.C_POINTER);
      MemorySegment userData = arena.allocate(Ibv.C_POINTER);
      int result;
      try {
        result = (int) getCqEvent.invokeExact(CapturedErrno.state(), channel, queue, userData);
      } catch (Throwable thrown) {
        throw CapturedErrno.unexpected(thrown);
      }
      return isThere(result, "ibv_get_cq_event", channel)
          ? queue.get(Ibv.C_POINTER, 0)
          : MemorySegment.NULL;
    }
  }

  @Override
  public void ackCqEvents(MemorySegment completionQueue, int count) {
    try {
      ackCqEvents.invokeExact(CapturedErrno.state(), completionQueue, count);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
  }

  @Override
  public MemorySegment createQp(MemorySegment protectionDomain, MemorySegment attributes) {
    MemorySegment queuePair;
    try {
      queuePair =
          (MemorySegment) createQp.invokeExact(CapturedErrno.state(), protectionDomain, attributes);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
    return require(
        queuePair, ibv_qp.layout(), "ibv_create_qp", QueuePairCapacity.describe(attributes));
  }

  @Override
  public void destroyQp(MemorySegment queuePair) {
    require(toInt(destroyQp, queuePair), "ibv_destroy_qp", describe(queuePair));
  }

  @Override
  public void modifyQp(MemorySegment queuePair, MemorySegment attributes, int mask) {
    int result;
    try {
      result = (int) modifyQp.invokeExact(CapturedErrno.state(), queuePair, attributes, mask);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
    if (result != 0) {
      require(
          result,
          "ibv_modify_qp",
          describe(queuePair) + ", " + QueuePairAttributes.describe(attributes, mask));
    }
  }

  @Override
  public void queryQp(
      MemorySegment queuePair,
      MemorySegment attributes,
      int mask,
      MemorySegment initialAttributes) {
    int result;
    try {
      result =
          (int)
              queryQp.invokeExact(
                  CapturedErrno.state(), queuePair, attributes, mask, initialAttributes);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
    require(result, "ibv_query_qp", describe(queuePair));
  }

  @Override
  public boolean getAsyncEvent(MemorySegment context, MemorySegment event) {
    return isThere(toInt(getAsyncEvent, context, event), "ibv_get_async_event", context);
  }

  @Override
  public void ackAsyncEvent(MemorySegment event) {
    toNothing(ackAsyncEvent, event);
  }

  @Override
  public DataPath dataPath(MemorySegment context) {
    return new ProviderDataPath(ibv_context.ops(context));
  }

  /** The functions that {@code ibv_context.ops} points to. */
  private static final class ProviderDataPath implements DataPath {
    // Constants, so that the JIT compiles the calls into their callers.
    private static final MethodHandle POST_SEND =
        Linker.nativeLinker().downcallHandle(ibv_context_ops.post_send.descriptor());
    private static final MethodHandle POLL_CQ =
        Linker.nativeLinker().downcallHandle(ibv_context_ops.poll_cq.descriptor());
    private static final MethodHandle REQ_NOTIFY_CQ =
        Linker.nativeLinker().downcallHandle(ibv_context_ops.req_notify_cq.descriptor());

    private final MemorySegment postSend;
    private final MemorySegment pollCq;
    private final MemorySegment reqNotifyCq;

    ProviderDataPath(MemorySegment operations) {
      postSend = ibv_context_ops.post_send(operations);
      pollCq = ibv_context_ops.poll_cq(operations);
      reqNotifyCq = ibv_context_ops.req_notify_cq(operations);
    }

    @Override
    public int postSend(
        MemorySegment queuePair, MemorySegment firstRequest, MemorySegment refusedRequest) {
      try {
        return (int) POST_SEND.invokeExact(postSend, queuePair, firstRequest, refusedRequest);
      } catch (Throwable thrown) {
        throw CapturedErrno.unexpected(thrown);
      }
    }

    @Override
    public int pollCq(MemorySegment completionQueue, int capacity, MemorySegment completions) {
      try {
        return (int) POLL_CQ.invokeExact(pollCq, completionQueue, capacity, completions);
      } catch (Throwable thrown) {
        throw CapturedErrno.unexpected(thrown);
      }
    }

    @Override
    public int reqNotifyCq(MemorySegment completionQueue, int solicitedOnly) {
      try {
        return (int) REQ_NOTIFY_CQ.invokeExact(reqNotifyCq, completionQueue, solicitedOnly);
      } catch (Throwable thrown) {
        throw CapturedErrno.unexpected(thrown);
      }
    }
  }

  // The calls that verbs with the same signature share.

  private static MemorySegment toPointer(MethodHandle verb, MemorySegment argument) {
    try {
      return (MemorySegment) verb.invokeExact(CapturedErrno.state(), argument);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
  }

  private static int toInt(MethodHandle verb, MemorySegment argument) {
    try {
      return (int) verb.invokeExact(CapturedErrno.state(), argument);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
  }

  private static int toInt(MethodHandle verb, MemorySegment argument, MemorySegment struct) {
    try {
      return (int) verb.invokeExact(CapturedErrno.state(), argument, struct);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
  }

  private static void toNothing(MethodHandle verb, MemorySegment argument) {
    try {
      verb.invokeExact(CapturedErrno.state(), argument);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
  }

  // The ways in which verbs report a failure.

  /**
   * For a verb that returns a pointer: null and errno mean failure. Returns a segment of the
   * struct's size.
   */
  private static MemorySegment require(
      MemorySegment pointer, MemoryLayout layout, String call, String arguments) {
    if (pointer.address() == 0) {
      throw new NativeCallException(call, arguments, CapturedErrno.get());
    }
    return pointer.asSlice(0, layout.byteSize());
  }

  /** For a verb that returns an int: the errno itself, or -1 with errno set, means failure. */
  private static void require(int result, String call, String arguments) {
    if (result != 0) {
      throw new NativeCallException(call, arguments, result > 0 ? result : CapturedErrno.get());
    }
  }

  /** For a verb that reads an event from a non-blocking descriptor: whether there was one. */
  private static boolean isThere(int result, String call, MemorySegment handle) {
    if (result == 0) {
      return true;
    }
    int errno = CapturedErrno.get();
    if (errno == Errno.EAGAIN.number() || errno == Errno.EINTR.number()) {
      return false;
    }
    throw new NativeCallException(call, text(handle), errno);
  }

  private static String text(MemorySegment handle) {
    return String.format("0x%x", handle.address());
  }

  private static String describe(MemorySegment queuePair) {
    return "qp_num=" + Integer.toUnsignedString(ibv_qp.qp_num(queuePair));
  }

  // System calls.

  @Override
  public void awaitReadable(int[] fds, boolean[] readable, int timeoutMillis) {
    systemCalls.awaitReadable(fds, readable, timeoutMillis);
  }

  @Override
  public int eventfd() {
    return systemCalls.eventfd();
  }

  @Override
  public void signal(int eventfd) {
    systemCalls.signal(eventfd);
  }

  @Override
  public void drain(int eventfd) {
    systemCalls.drain(eventfd);
  }

  @Override
  public void close(int fd) {
    systemCalls.close(fd);
  }

  @Override
  public void setNonBlocking(int fd) {
    systemCalls.setNonBlocking(fd);
  }

  @Override
  public int nodeOfPage(long address) {
    return systemCalls.nodeOfPage(address);
  }
}
