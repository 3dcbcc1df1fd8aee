// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.device.DeviceExports;
import io.transferengine.device.DeviceLibrary;
import io.transferengine.topology.Gid;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.Transport;
import io.transferengine.transport.TransportContext;
import io.transferengine.transport.TransportProvider;
import io.transferengine.verbs.Context;
import io.transferengine.verbs.SimulatedVerbs;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/** RDMA over simulated devices, for a whole engine. */
public final class SimulatedRdmaProvider implements TransportProvider {
  /** As on a machine without one. */
  static final Supplier<DeviceLibrary> NO_DRIVER =
      () -> {
        throw new TransferException(ErrorCode.DEVICE_NOT_FOUND, "no driver", "");
      };

  private final TransportProvider real = new RdmaTransportProvider();
  private final SimulatedVerbs verbs;
  private final DeviceMemory deviceMemory;

  /** A provider for the process of {@code verbs}. */
  public SimulatedRdmaProvider(SimulatedVerbs verbs) {
    this(verbs, NO_DRIVER, Path.of("/sys"));
  }

  /**
   * A provider whose process has devices.
   *
   * @param sysRoot a folder that looks like {@code /sys}
   */
  public SimulatedRdmaProvider(SimulatedVerbs verbs, Supplier<DeviceLibrary> driver, Path sysRoot) {
    this.verbs = verbs;
    this.deviceMemory = new DeviceMemory(verbs, new DeviceExports(driver), sysRoot);
  }

  @Override
  public String name() {
    return real.name();
  }

  @Override
  public int priority() {
    return real.priority();
  }

  @Override
  public Optional<String> unavailabilityCause(TransportContext context) {
    return Optional.empty();
  }

  @Override
  public Transport create(TransportContext context) {
    return new RdmaTransport(
        context, verbs, (device, port, index) -> List.of(gid(device)), deviceMemory);
  }

  private LocalGid gid(String device) {
    try (Context context = Context.open(verbs, device)) {
      return new LocalGid(1, Gid.of(context.queryGid(1, 1)));
    }
  }
}
