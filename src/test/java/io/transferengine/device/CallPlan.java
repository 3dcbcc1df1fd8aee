// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import java.io.Serial;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** Which calls of a simulated driver were made, and which of them fail. Thread-safe. */
public final class CallPlan {
  /** In a full heap there is no memory to say so either. */
  private static final class FullHeap extends OutOfMemoryError {
    @Serial private static final long serialVersionUID = 1L;

    @Override
    public String getMessage() {
      throw new OutOfMemoryError("simulated");
    }
  }

  /** Stands for a call that finds the heap full, and whose error has no room for its text. */
  public static final int FULL_HEAP = -1;

  private final Map<String, ArrayDeque<Integer>> faults = new HashMap<>();
  private final Map<String, Integer> lasting = new HashMap<>();
  private final Map<String, Integer> counts = new HashMap<>();

  CallPlan() {}

  /**
   * Makes a call fail.
   *
   * @param call the driver's name of it
   * @param after how many calls of it before that one succeed
   * @param code the driver's number, or {@link #FULL_HEAP}
   */
  public synchronized void fail(String call, int after, int code) {
    ArrayDeque<Integer> plan = faults.computeIfAbsent(call, _ -> new ArrayDeque<>());
    for (int i = 0; i < after; i++) {
      plan.add(0);
    }
    plan.add(code);
  }

  /** Makes all calls of a name fail from now on. */
  public synchronized void failAlways(String call, int code) {
    lasting.put(call, code);
  }

  /** Nothing fails any more. */
  public synchronized void heal() {
    faults.clear();
    lasting.clear();
  }

  /** {@return the driver's names of all calls that were made} */
  public synchronized Set<String> called() {
    return new TreeSet<>(counts.keySet());
  }

  /** {@return how often a call was made} */
  public synchronized int calls(String call) {
    return counts.getOrDefault(call, 0);
  }

  /** A call is made; {@return the number that it fails with, or 0} */
  synchronized int next(String call) {
    counts.merge(call, 1, Integer::sum);
    ArrayDeque<Integer> plan = faults.get(call);
    int code = plan == null || plan.isEmpty() ? lasting.getOrDefault(call, 0) : plan.poll();
    if (code == FULL_HEAP) {
      throw new FullHeap();
    }
    return code;
  }
}
