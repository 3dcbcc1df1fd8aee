// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.target;

import java.time.Duration;

/** The processor time of this process, user and system, with the kernel's grain of 10 ms. */
public final class ProcessorTime {
  private ProcessorTime() {}

  /** {@return nanoseconds since the process began; 0 if the system does not tell} */
  public static long ofThisProcessNanos() {
    return ProcessHandle.current().info().totalCpuDuration().map(Duration::toNanos).orElse(0L);
  }
}
