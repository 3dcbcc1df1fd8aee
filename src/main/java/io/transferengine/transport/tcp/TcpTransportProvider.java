// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.transport.Transport;
import io.transferengine.transport.TransportContext;
import io.transferengine.transport.TransportProvider;
import java.util.Optional;

/** Offers TCP, which every machine has; Netty may be missing. */
public final class TcpTransportProvider implements TransportProvider {
  /** Below anything faster. */
  private static final int PRIORITY = 10;

  /** For {@link java.util.ServiceLoader}. */
  public TcpTransportProvider() {}

  @Override
  public String name() {
    return "tcp";
  }

  @Override
  public int priority() {
    return PRIORITY;
  }

  @Override
  public Optional<String> unavailabilityCause(TransportContext context) {
    return NettyLibrary.problem(context.tls().isOn());
  }

  @Override
  public Transport create(TransportContext context) {
    return new TcpTransport(context);
  }
}
