// SPDX-License-Identifier: Apache-2.0
package io.transferengine.diagnostics;

import io.transferengine.tls.TlsCheck;
import io.transferengine.transfer.ConfigurationException;
import io.transferengine.transport.tcp.DataEncryption;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * The TLS that an engine would have here by its options: its certificate, and what peers would say
 * of it; and its tokens. The files were read when this was made. Immutable.
 */
public final class LocalTls {
  private final TlsCheck check;

  private LocalTls(TlsCheck check) {
    this.check = check;
  }

  /**
   * {@return it; empty if {@code TE_TLS} is off}
   *
   * @param environment the options, and the names of the files
   * @throws ConfigurationException for what would keep an engine from opening, in the same words
   */
  public static Optional<LocalTls> read(EngineEnvironment environment) {
    return TlsCheck.of(environment.settings()).map(LocalTls::new);
  }

  /**
   * {@return a sentence for each option of TLS that has no effect, or opens memory to somebody}
   *
   * @param environment the options
   * @throws ConfigurationException if one is malformed
   */
  public static List<String> warnings(EngineEnvironment environment) {
    return TlsCheck.warnings(environment.settings());
  }

  /**
   * {@return the names of the tokens in {@code TE_TOKEN_FILE}: first the one that an engine proves,
   * then the others that it accepts; empty if that is not set}
   *
   * @param environment the option
   * @throws ConfigurationException for what would keep an engine from opening, in the same words
   */
  public static List<String> tokens(EngineEnvironment environment) {
    return TlsCheck.tokens(environment.settings());
  }

  /** {@return the same, and a sentence if the certificate expires soon} */
  public List<String> warnings() {
    return check.warnings();
  }

  /** {@return the host names, addresses and URIs that the certificate is for; may be none} */
  public List<String> names() {
    return check.names();
  }

  /** {@return the moment at which the certificate, or one behind it in its file, expires} */
  public Instant expiry() {
    return check.expiry();
  }

  /**
   * {@return who encrypts the data connections of such an engine in a process with this class path,
   * the JDK or BoringSSL, and why} The engine decides it in the same way. Loads BoringSSL if it is
   * there.
   *
   * @throws ConfigurationException for what would keep an engine from opening, in the same words
   */
  public String dataEncryption() {
    return DataEncryption.text(check.tls());
  }

  /**
   * {@return why a peer with the same options and authorities would refuse this engine, a clause
   * about this engine with the remedy; empty if it would not} Makes a handshake in memory, which
   * takes some milliseconds.
   *
   * @param host the name or address by which that peer would connect
   */
  public Optional<String> refusal(String host) {
    return check.refusal(host);
  }
}
