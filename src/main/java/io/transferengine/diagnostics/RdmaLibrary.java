// SPDX-License-Identifier: Apache-2.0
package io.transferengine.diagnostics;

import io.transferengine.os.NativeCallException;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.verbs.Context;
import io.transferengine.verbs.LoadedLibrary;
import io.transferengine.verbs.Verbs;
import java.nio.file.Path;
import java.util.Optional;

/** libibverbs, which RDMA needs. It is looked for once in a process. Thread-safe. */
public final class RdmaLibrary {
  private RdmaLibrary() {}

  /** {@return why it cannot be used, and what to do about it; empty where it can} */
  public static Optional<String> unavailabilityCause() {
    return Verbs.unavailabilityCause();
  }

  /** {@return which file was loaded; empty where none was, or where the system does not say} */
  public static Optional<Path> file() {
    return Verbs.loaded().map(LoadedLibrary::path).map(Path::of);
  }

  /**
   * Asks a device, which shows whether it can be opened.
   *
   * @param device its name
   * @param port which of its ports, from 1
   * @return the packet size that the port uses, 256 to 4096 bytes; 0 where it does not say
   * @throws TransferException where the library is absent, or the device cannot be opened or asked
   */
  public static int activeMtuBytes(String device, int port) {
    try (Context context = Context.open(Verbs.library(), device)) {
      return context.queryPort(port).activeMtuBytes();
    } catch (NativeCallException e) {
      throw new TransferException(
          ErrorCode.CONTEXT, "the device cannot be asked: " + e.getMessage(), "", e);
    }
  }
}
