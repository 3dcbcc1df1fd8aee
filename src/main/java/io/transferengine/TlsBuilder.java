// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.config.TlsOptions;
import io.transferengine.transfer.TlsMode;
import io.transferengine.transfer.TlsProvider;
import java.util.Objects;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * The options of TLS and tokens between engines in {@link EngineConfig.Builder}. Not thread-safe.
 */
abstract sealed class TlsBuilder extends ObservationBuilder permits LimitBuilder {
  private @Nullable SSLContext context;

  TlsBuilder() {}

  /** {@return the caller's own TLS, if any} */
  final Optional<SSLContext> tls() {
    return Optional.ofNullable(context);
  }

  /**
   * Mutual TLS with the caller's keys and trust in place of PEM files. Switches TLS on. The context
   * has to present a certificate and to check those of peers, in both roles; peers' names are
   * checked by the engine. Renewing certificates is up to its key and trust managers.
   *
   * @param value a context that was initialized
   * @return this builder
   */
  public EngineConfig.Builder sslContext(SSLContext value) {
    context = Objects.requireNonNull(value, "sslContext must not be null");
    return set(TlsOptions.MODE, TlsMode.REQUIRED);
  }

  /**
   * Mutual TLS 1.3 with all peers, on the RPC port and on the TCP data port. All engines of a
   * cluster have the same value. ({@code TE_TLS})
   *
   * @param value one of off, required
   * @return this builder
   */
  public EngineConfig.Builder tls(TlsMode value) {
    return set(TlsOptions.MODE, value);
  }

  /**
   * Our certificate, with those between it and the authority behind it. Its subject alternative
   * names have to contain each host that peers connect to. The files are read again when they
   * change. ({@code TE_TLS_CERT})
   *
   * @param value the path of a PEM file
   * @return this builder
   */
  public EngineConfig.Builder tlsCert(String value) {
    return set(TlsOptions.CERTIFICATE, value);
  }

  /**
   * The private key of that certificate, PKCS #8 without a password, readable by nobody but its
   * owner and group. ({@code TE_TLS_KEY})
   *
   * @param value the path of a PEM file
   * @return this builder
   */
  public EngineConfig.Builder tlsKey(String value) {
    return set(TlsOptions.KEY, value);
  }

  /**
   * The authorities that sign the certificates of our peers. ({@code TE_TLS_CA})
   *
   * @param value the path of a PEM file
   * @return this builder
   */
  public EngineConfig.Builder tlsCa(String value) {
    return set(TlsOptions.CA, value);
  }

  /**
   * The peers that are accepted, in both directions: host names, of which the first label may be *,
   * IP addresses, or URIs. One name of a peer's certificate has to be among them. ({@code
   * TE_TLS_ALLOW})
   *
   * @param value subject alternative names, separated by commas
   * @return this builder
   */
  public EngineConfig.Builder tlsAllow(String value) {
    return set(TlsOptions.ALLOW, value);
  }

  /**
   * Secrets that peers and we have to know, on the RPC port and on the TCP data port, with TLS or
   * without: a line "NAME SECRET" for each, the secret at least 32 bytes. The first is used to
   * connect, all are accepted. It is read again when it changes, and readable by nobody but its
   * owner and group. ({@code TE_TOKEN_FILE})
   *
   * @param value the path of a file
   * @return this builder
   */
  public EngineConfig.Builder tokenFile(String value) {
    return set(TlsOptions.TOKEN_FILE, value);
  }

  /**
   * Who encrypts the data connections. boringssl needs less processor time than jdk, and is fast
   * from the first byte on; it is used if io.netty:netty-tcnative-boringssl-static, with the
   * classifier of this machine, is on the class path. ({@code TE_TLS_PROVIDER})
   *
   * @param value one of auto, jdk, boringssl
   * @return this builder
   */
  public EngineConfig.Builder tlsProvider(TlsProvider value) {
    return set(TlsOptions.PROVIDER, value);
  }

  /**
   * Peers without TLS and tokens, such as C++ engines: to and from these addresses there are none,
   * and whoever has one of them may use our memory. ({@code TE_TLS_PLAIN_PEERS})
   *
   * @param value IP addresses, each perhaps with /BITS, separated by commas
   * @return this builder
   */
  public EngineConfig.Builder tlsPlainPeers(String value) {
    return set(TlsOptions.PLAIN_PEERS, value);
  }
}
