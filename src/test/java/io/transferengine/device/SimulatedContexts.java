// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.bindings.Cuda;
import java.util.ArrayDeque;

/** Calls of a simulated driver, and contexts: which thread has which, and which are lost. */
abstract class SimulatedContexts implements DeviceLibrary {
  final int count;
  final int[] contexts;
  final int[] lost;
  private final CallPlan plan = new CallPlan();
  private final ThreadLocal<ArrayDeque<Integer>> current = ThreadLocal.withInitial(ArrayDeque::new);

  SimulatedContexts(int count) {
    this.count = count;
    this.contexts = new int[count];
    this.lost = new int[count];
  }

  /** {@return which calls were made, and which are to fail} */
  public CallPlan plan() {
    return plan;
  }

  static DeviceException failure(String call, int code) {
    return new DeviceException(call, "simulated", code, "CUDA_ERROR_" + code, "simulated");
  }

  /** A call begins; {@return the device of the thread's context, -1 without one} */
  final synchronized int enter(String call) {
    Integer device = current.get().peek();
    int code = plan.next(call);
    if (device != null && lost[device] != 0) {
      throw failure(call, lost[device]);
    }
    if (code != 0) {
      if (device != null && failure(call, code).isSticky()) {
        lost[device] = code;
      }
      throw failure(call, code);
    }
    return device == null ? -1 : device;
  }

  /** A call that needs a context. */
  final int enterIn(String call) {
    int device = enter(call);
    if (device < 0) {
      throw failure(call, Cuda.CUDA_ERROR_INVALID_CONTEXT());
    }
    return device;
  }

  @Override
  public int count() {
    var _ = enter("cuDeviceGetCount");
    return count;
  }

  @Override
  public int device(int ordinal) {
    var _ = enter("cuDeviceGet");
    if (ordinal < 0 || ordinal >= count) {
      throw failure("cuDeviceGet", Cuda.CUDA_ERROR_INVALID_DEVICE());
    }
    return ordinal;
  }

  @Override
  public String name(int device) {
    var _ = enter("cuDeviceGetName");
    return "Simulated " + device;
  }

  @Override
  public synchronized long retainContext(int device) {
    var _ = enter("cuDevicePrimaryCtxRetain");
    contexts[device]++;
    return device + 1L;
  }

  @Override
  public synchronized void releaseContext(int device) {
    var _ = enter("cuDevicePrimaryCtxRelease_v2");
    if (contexts[device] == 0) {
      throw failure("cuDevicePrimaryCtxRelease_v2", Cuda.CUDA_ERROR_INVALID_CONTEXT());
    }
    contexts[device]--;
  }

  @Override
  public void pushContext(long context) {
    var _ = enter("cuCtxPushCurrent_v2");
    current.get().push((int) context - 1);
  }

  @Override
  public void popContext() {
    // It succeeds with a context that is lost, too.
    current.get().pop();
    int code = plan.next("cuCtxPopCurrent_v2");
    if (code != 0) {
      throw failure("cuCtxPopCurrent_v2", code);
    }
  }

  /** {@return whether the calling thread has no context} */
  public boolean isThreadClean() {
    return current.get().isEmpty();
  }
}
