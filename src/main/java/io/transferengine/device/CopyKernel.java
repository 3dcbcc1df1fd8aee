// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.bindings.Cuda;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The kernel that copies many ranges, {@code copy_ranges.ptx}, as the driver has compiled it for a
 * device. It gathers and it scatters: only the table says which side is the device's.
 */
final class CopyKernel implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(CopyKernel.class);

  private static final String TEXT = "copy_ranges.ptx";
  private static final String NAME = "te_copy_ranges";

  private final DeviceLibrary library;
  private final long module;
  private final long function;

  private CopyKernel(DeviceLibrary library, long module, long function) {
    this.library = library;
    this.module = module;
    this.function = function;
  }

  /**
   * Loads it; the context must be the calling thread's.
   *
   * @return one without a function where it cannot be used
   */
  static CopyKernel load(DeviceLibrary library, int device, String location) {
    // The table has one address for host memory, which must be that of the processor.
    int same = Cuda.CU_DEVICE_ATTRIBUTE_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM();
    if (library.attribute(same, device) == 0) {
      log.debug("{} has other addresses for host memory: no kernel", location);
      return new CopyKernel(library, 0, 0);
    }
    try (Arena arena = Arena.ofConfined()) {
      long module = library.loadModule(text(arena));
      try {
        return new CopyKernel(library, module, library.function(module, NAME));
      } catch (Throwable t) {
        library.unloadModule(module);
        throw t;
      }
    } catch (DeviceException e) {
      if (e.isSticky() || e.isOutOfMemory()) {
        throw e;
      }
      log.warn(
          "{} copies scattered memory without a kernel, which is many times slower: {}",
          location,
          e.getMessage());
      return new CopyKernel(library, 0, 0);
    }
  }

  /** Ends with a zero. */
  private static MemorySegment text(Arena arena) {
    try (InputStream in = CopyKernel.class.getResourceAsStream(TEXT)) {
      if (in == null) {
        throw new IllegalStateException(TEXT + " is not beside the classes");
      }
      byte[] bytes = in.readAllBytes();
      MemorySegment text = arena.allocate(bytes.length + 1L);
      MemorySegment.copy(bytes, 0, text, ValueLayout.JAVA_BYTE, 0, bytes.length);
      return text;
    } catch (IOException e) {
      throw new IllegalStateException(TEXT + " cannot be read", e);
    }
  }

  /** {@return what to launch; 0 for none} */
  long function() {
    return function;
  }

  @Override
  public void close() {
    if (module != 0) {
      library.unloadModule(module);
    }
  }
}
