// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import com.sun.management.ThreadMXBean;
import io.transferengine.cli.target.ProcessorTime;
import io.transferengine.cli.target.TargetLink;
import java.lang.management.ManagementFactory;

/** Counts from its making on: time, processor time of both processes, and allocation. */
final class BenchMeter {
  private static final ThreadMXBean THREADS =
      ManagementFactory.getPlatformMXBean(ThreadMXBean.class);

  private final TargetLink target;
  private final long targetCpuNanos;
  private final long initiatorCpuNanos;
  private final long allocatedBytes;
  private final long begin;

  BenchMeter(TargetLink target) {
    this.target = target;
    targetCpuNanos = targetCpuNanos();
    initiatorCpuNanos = ProcessorTime.ofThisProcessNanos();
    allocatedBytes = THREADS.getTotalThreadAllocatedBytes();
    begin = System.nanoTime();
  }

  /** {@return the cost up to now} */
  BenchResult.Cost stop() {
    long nanos = System.nanoTime() - begin;
    long allocated = THREADS.getTotalThreadAllocatedBytes() - allocatedBytes;
    long initiator = ProcessorTime.ofThisProcessNanos() - initiatorCpuNanos;
    return new BenchResult.Cost(nanos, initiator, targetCpuNanos() - targetCpuNanos, allocated);
  }

  private long targetCpuNanos() {
    return Long.parseLong(target.ask("cpu"));
  }
}
