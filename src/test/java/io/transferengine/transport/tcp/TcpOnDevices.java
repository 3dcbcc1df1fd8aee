// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.device.Devices;
import io.transferengine.transport.Transport;
import io.transferengine.transport.TransportContext;

/** TCP with devices of a test's own, for tests of other packages. */
public final class TcpOnDevices {
  private TcpOnDevices() {}

  /** {@return the transport, not started} */
  public static Transport create(TransportContext context, Devices devices) {
    return new TcpTransport(context, devices);
  }
}
