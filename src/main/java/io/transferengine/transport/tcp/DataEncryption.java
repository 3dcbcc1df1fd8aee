// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.tls.PeerTls;

/** Who encrypts the data connections of an engine, as the engine itself decides it. Stateless. */
public final class DataEncryption {
  private DataEncryption() {}

  /**
   * {@return who, with this class path, and why; a part of a sentence}
   *
   * @param tls the engine's, which is on
   * @throws io.transferengine.transfer.ConfigurationException if BoringSSL is asked for and cannot
   *     be used
   */
  public static String text(PeerTls tls) {
    return NettyLibrary.problem(true)
        .map(problem -> "nobody, for there are none: " + problem)
        .orElseGet(() -> BoringSsl.choice(tls).text());
  }
}
