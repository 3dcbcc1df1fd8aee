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

/** libibverbs, which RDMA needs. Each process looks for it once. Thread-safe. */
public final class RdmaLibrary {
  private RdmaLibrary() {}

  /** {@return why it cannot be used, with the remedy; empty if it can} */
  public static Optional<String> unavailabilityCause() {
    return Verbs.unavailabilityCause();
  }

  /** {@return the loaded file; empty if none was loaded, or the system does not say} */
  public static Optional<Path> file() {
    return Verbs.loaded().map(LoadedLibrary::path).map(Path::of);
  }

  /**
   * Opens a device and asks it for the packet size of a port.
   *
   * @param device its name
   * @param port the number of the port, from 1
   * @return the packet size that the port uses, 256 to 4096 bytes; 0 if it does not say
   * @throws TransferException if the library is absent, or the device cannot be opened or queried
   */
  public static int activeMtuBytes(String device, int port) {
    try (Context context = Context.open(Verbs.library(), device)) {
      return context.queryPort(port).activeMtuBytes();
    } catch (NativeCallException e) {
      throw new TransferException(
          ErrorCode.CONTEXT, "the device cannot be queried: " + e.getMessage(), "", e);
    }
  }
}
