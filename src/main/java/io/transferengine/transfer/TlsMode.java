// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

/** Whether engines speak TLS with each other. */
public enum TlsMode {
  /** No TLS, as C++ engines. Whoever reaches a port may use it. */
  OFF,
  /** Mutual TLS 1.3 on the RPC port and on the TCP data port, or no connection. */
  REQUIRED
}
