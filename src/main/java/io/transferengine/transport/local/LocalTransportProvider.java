// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.config.TlsOptions;
import io.transferengine.os.FfmProcessMemory;
import io.transferengine.os.LinuxProcesses;
import io.transferengine.os.Platform;
import io.transferengine.os.Processes;
import io.transferengine.transport.Transport;
import io.transferengine.transport.TransportContext;
import io.transferengine.transport.TransportProvider;
import java.util.Optional;

/** Offers copies between processes, which Linux has. */
public final class LocalTransportProvider implements TransportProvider {
  /** Above RDMA: nothing is faster on one machine. */
  private static final int PRIORITY = 200;

  /** For {@link java.util.ServiceLoader}. */
  public LocalTransportProvider() {}

  @Override
  public String name() {
    return LocalTransport.NAME;
  }

  @Override
  public int priority() {
    return PRIORITY;
  }

  @Override
  public Optional<String> unavailabilityCause(TransportContext context) {
    // Not even the classes of Linux's calls can be loaded elsewhere.
    return Platform.isLinux()
        ? problem(context).or(() -> problem(new LinuxProcesses()))
        : Optional.of("this system is not Linux, and another has not got the calls for it");
  }

  /** Whoever copies proves nothing, and asks nobody: see ADR 39. */
  static Optional<String> problem(TransportContext context) {
    boolean proof =
        context.tls().isOn() || !context.settings().get(TlsOptions.TOKEN_FILE).isEmpty();
    return proof || context.access().hasPolicy()
        ? Optional.of(
            "peers on this machine would copy without proving who they are, and without being asked"
                + " by the access policy, TLS or the token that this engine has")
        : Optional.empty();
  }

  private static Optional<String> problem(Processes processes) {
    return processes.bootId().isEmpty() || processes.startOf(processes.own()) < 0
        ? processes
            .blindness()
            .or(() -> Optional.of("/proc does not tell which machine this is, and which process"))
        : Optional.empty();
  }

  @Override
  public Transport create(TransportContext context) {
    return new LocalTransport(context, new FfmProcessMemory(), new LinuxProcesses());
  }
}
