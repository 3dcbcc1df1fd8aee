// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import io.transferengine.tls.PemSource;
import io.transferengine.transfer.ConfigurationException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;

/**
 * Who may use a metadata server, and how. All files are read when the server starts, and again when
 * they change. Errors name the options of {@code ./te metadata-server}. Immutable.
 */
public final class ServerSecurity {
  static final String CERTIFICATE = "--tls-cert";
  private static final String KEY = "--tls-key";
  private static final String CLIENT_CA = "--tls-client-ca";
  static final String TOKENS = "--token-file";

  private final Optional<PemSource> certificate;
  private final Optional<PemSource> key;
  private final Optional<PemSource> clients;
  private final Optional<String> tokenFile;

  private ServerSecurity(
      Optional<PemSource> certificate,
      Optional<PemSource> key,
      Optional<PemSource> clients,
      Optional<String> tokenFile) {
    this.certificate = certificate;
    this.key = key;
    this.clients = clients;
    this.tokenFile = tokenFile;
  }

  /** {@return none: everybody may do everything, in plain HTTP} */
  public static ServerSecurity none() {
    return new ServerSecurity(
        Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
  }

  /**
   * {@return the same with TLS 1.3}
   *
   * @param certificateFile the server's certificate in PEM, with those between it and the authority
   *     behind it; for each host by which clients name the server
   * @param keyFile its private key, PKCS #8 in PEM without a password, readable by nobody but its
   *     owner and group
   */
  public ServerSecurity tls(Path certificateFile, Path keyFile) {
    Objects.requireNonNull(certificateFile, "certificateFile must not be null");
    Objects.requireNonNull(keyFile, "keyFile must not be null");
    return new ServerSecurity(
        Optional.of(new PemSource(CERTIFICATE, certificateFile.toString())),
        Optional.of(new PemSource(KEY, keyFile.toString())),
        clients,
        tokenFile);
  }

  /**
   * {@return the same with certificates of clients, without which nobody is let in} A record is
   * then changed only by who has all the names of the certificate that wrote it.
   *
   * @param file the authorities that sign them, in PEM
   */
  public ServerSecurity clientAuthorities(Path file) {
    Objects.requireNonNull(file, "file must not be null");
    return new ServerSecurity(
        certificate, key, Optional.of(new PemSource(CLIENT_CA, file.toString())), tokenFile);
  }

  /**
   * {@return the same with bearer tokens (RFC 6750), of which each request but {@code /health} has
   * to show one} A record is then changed only by who shows a token of the name that wrote it.
   * Without TLS a token can be read on the network.
   *
   * @param file a line {@code NAME SECRET} for each, the secret 32 to 1024 characters of ASCII;
   *     several lines of a name are the same client; readable by nobody but its owner and group
   */
  public ServerSecurity tokens(Path file) {
    Objects.requireNonNull(file, "file must not be null");
    return new ServerSecurity(certificate, key, clients, Optional.of(file.toString()));
  }

  Optional<PemSource> certificate() {
    return certificate;
  }

  Optional<String> tokenFile() {
    return tokenFile;
  }

  PemSource key() {
    return key.orElseThrow();
  }

  /**
   * {@return the authorities of clients}
   *
   * @throws ConfigurationException without TLS
   */
  Optional<PemSource> clients() {
    if (clients.isPresent() && certificate.isEmpty()) {
      throw new ConfigurationException(
          CLIENT_CA,
          clients.get().file(),
          "there is no TLS without a certificate of the server",
          CERTIFICATE + " and " + KEY + " with it");
    }
    return clients;
  }
}
