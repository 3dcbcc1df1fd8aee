// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.device.DeviceExports;
import io.transferengine.transport.Transport;
import io.transferengine.transport.TransportContext;
import io.transferengine.transport.TransportProvider;
import io.transferengine.verbs.Verbs;
import io.transferengine.verbs.VerbsLibrary;
import java.nio.file.Path;
import java.util.Optional;

/** Offers RDMA if libibverbs is installed. */
public final class RdmaTransportProvider implements TransportProvider {
  /** Higher than that of TCP. */
  private static final int PRIORITY = 100;

  /** For {@link java.util.ServiceLoader}. */
  public RdmaTransportProvider() {}

  @Override
  public String name() {
    return "rdma";
  }

  @Override
  public int priority() {
    return PRIORITY;
  }

  @Override
  public Optional<String> unavailabilityCause(TransportContext context) {
    return Verbs.unavailabilityCause().or(context::deviceProblem);
  }

  @Override
  public Transport create(TransportContext context) {
    Path sysRoot = Path.of("/sys");
    VerbsLibrary library = Verbs.library();
    return new RdmaTransport(
        context,
        library,
        new SysfsGidSource(sysRoot),
        new DeviceMemory(library, new DeviceExports(), sysRoot));
  }
}
