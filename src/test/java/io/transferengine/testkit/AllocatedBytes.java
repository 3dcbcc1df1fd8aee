// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

/**
 * What a thread has allocated. By reflection: tests are compiled as part of the module, which has
 * no use for the management module, and run on the class path, where it is there.
 */
public final class AllocatedBytes {
  private AllocatedBytes() {}

  /** {@return the bytes on the heap that this thread has allocated since its start} */
  public static long ofThisThread() {
    try {
      Object threads =
          Class.forName("java.lang.management.ManagementFactory")
              .getMethod("getThreadMXBean")
              .invoke(null);
      Object bytes =
          Class.forName("com.sun.management.ThreadMXBean")
              .getMethod("getCurrentThreadAllocatedBytes")
              .invoke(threads);
      return (long) bytes;
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("This JDK does not count allocations", e);
    }
  }
}
