// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

/** Who encrypts the data connections. The RPC port always has the TLS of the JDK. */
public enum TlsProvider {
  /** BoringSSL if it is on the class path and takes our key, else the JDK. */
  AUTO,
  /** The JDK: needs nothing else, and is slow for the first seconds of a process. */
  JDK,
  /** BoringSSL, as Netty brings it, or an error. */
  BORINGSSL
}
