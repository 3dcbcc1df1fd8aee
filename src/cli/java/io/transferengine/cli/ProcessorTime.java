// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli;

import java.time.Duration;

/** The processor time of this process, user and system, with the kernel's grain of 10 ms. */
final class ProcessorTime {
  private ProcessorTime() {}

  /** {@return nanoseconds since the process began; 0 where the system does not tell} */
  static long ofThisProcessNanos() {
    return ProcessHandle.current().info().totalCpuDuration().map(Duration::toNanos).orElse(0L);
  }
}
