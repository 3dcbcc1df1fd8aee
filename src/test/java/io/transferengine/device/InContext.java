// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import java.util.function.LongSupplier;

/** Calls of the driver, with a context that is the thread's during each. */
record InContext(DeviceLibrary driver, long context) {

  /** {@return what a call has made} */
  long made(LongSupplier call) {
    driver.pushContext(context);
    try {
      return call.getAsLong();
    } finally {
      driver.popContext();
    }
  }

  void run(Runnable call) {
    var _ =
        made(
            () -> {
              call.run();
              return 0;
            });
  }
}
