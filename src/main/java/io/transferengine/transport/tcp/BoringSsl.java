// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.buffer.ByteBufAllocator;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.OpenSsl;
import io.netty.handler.ssl.OpenSslContextOption;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.transferengine.config.TlsOptions;
import io.transferengine.tls.PeerTls;
import io.transferengine.tls.TlsMaterial;
import io.transferengine.transfer.ConfigurationException;
import io.transferengine.transfer.TlsProvider;
import java.security.PublicKey;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECKey;
import java.security.interfaces.RSAKey;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The TLS of data connections by BoringSSL, where Netty's jar with it is present. It checks the
 * same things as the JDK's, with the JDK's own checks of certificates. See ADR 37. Thread-safe.
 */
final class BoringSsl {
  private static final Logger log = LoggerFactory.getLogger(BoringSsl.class);

  private static final String PROTOCOL = "TLSv1.3";

  /** The longest message of a handshake, which strangers send; the JDK's limit. */
  private static final int MESSAGE_BYTES_MAX = 32 << 10;

  /** Of P-384. */
  private static final int CURVE_BITS_MAX = 384;

  private static final String JAR =
      "io.netty:netty-tcnative-boringssl-static with the classifier of this machine, such as"
          + " linux-x86_64, on the class path, in the version that Netty's list of versions names";

  private final @Nullable SslContext accepting;
  private final @Nullable SslContext connecting;
  private final @Nullable Exception failure;

  private BoringSsl(
      @Nullable SslContext accepting,
      @Nullable SslContext connecting,
      @Nullable Exception failure) {
    this.accepting = accepting;
    this.connecting = connecting;
    this.failure = failure;
  }

  /**
   * Finds out who encrypts, before the first connection.
   *
   * @throws ConfigurationException if BoringSSL is asked for and cannot be used
   */
  static void choose(PeerTls tls) {
    if (tls.isOn()) {
      TlsChoice choice = choice(tls);
      if (choice.isNative()) {
        log.info("TLS of data connections is that of {}", OpenSsl.versionString());
      }
    }
  }

  /**
   * {@return the same, without a word in the log}
   *
   * @param tls on
   */
  static TlsChoice choice(PeerTls tls) {
    if (tls.provider() == TlsProvider.JDK) {
      return TlsChoice.jdk(TlsOptions.PROVIDER + " says so");
    }
    if (!OpenSsl.isAvailable()) {
      return jdkOr(tls, "it is not here: " + innermost(OpenSsl.unavailabilityCause()), JAR);
    }
    Optional<BoringSsl> made = tls.made(BoringSsl.class, BoringSsl::of);
    if (made.isEmpty()) {
      return jdkOr(
          tls, "it cannot take the SSLContext that the program has given", "no context, but files");
    }
    Exception failed = made.get().failure;
    return failed == null
        ? new TlsChoice(true, OpenSsl.versionString() + ", which is on the class path")
        : jdkOr(
            tls,
            "it cannot use our certificate and key: " + innermost(failed),
            "a key of another kind, such as EC (P-256, P-384) or RSA");
  }

  /** {@return the JDK, unless it has to be BoringSSL} */
  private static TlsChoice jdkOr(PeerTls tls, String why, String expected) {
    if (tls.provider() == TlsProvider.BORINGSSL) {
      throw refused(why, expected);
    }
    return TlsChoice.jdk("of BoringSSL, " + why);
  }

  private static ConfigurationException refused(String why, String expected) {
    return new ConfigurationException(
        TlsOptions.PROVIDER.environmentName(), "boringssl", why, expected + "; or jdk");
  }

  private static String innermost(@Nullable Throwable failure) {
    String text = "for an unknown reason";
    for (Throwable at = failure; at != null; at = at.getCause()) {
      text = at.toString();
    }
    return text;
  }

  /** {@return an engine for a connection to us; empty if the JDK has to do it} */
  static Optional<SSLEngine> acceptingEngine(PeerTls tls, ByteBufAllocator allocator) {
    return current(tls).map(made -> made.accepting).map(context -> context.newEngine(allocator));
  }

  /** {@return an engine for a connection of ours; empty if the JDK has to do it} */
  static Optional<SSLEngine> connectingEngine(
      PeerTls tls, ByteBufAllocator allocator, String host, int port) {
    return current(tls)
        .map(made -> made.connecting)
        .map(context -> context.newEngine(allocator, host, port));
  }

  private static Optional<BoringSsl> current(PeerTls tls) {
    return tls.provider() == TlsProvider.JDK || !OpenSsl.isAvailable()
        ? Optional.empty()
        : tls.made(BoringSsl.class, BoringSsl::of);
  }

  private static BoringSsl of(TlsMaterial material) {
    try {
      X509Certificate[] chain = material.chain().toArray(X509Certificate[]::new);
      requireAccepted(chain[0].getPublicKey());
      X509Certificate[] authorities = material.authorities().toArray(X509Certificate[]::new);
      SslContext accepting =
          common(SslContextBuilder.forServer(material.key(), chain), authorities)
              .clientAuth(ClientAuth.REQUIRE)
              .build();
      SslContext connecting =
          common(SslContextBuilder.forClient().keyManager(material.key(), chain), authorities)
              .endpointIdentificationAlgorithm(PeerTls.HOST_CHECK)
              .build();
      return new BoringSsl(accepting, connecting, null);
    } catch (SSLException | RuntimeException e) {
      log.warn(
          "BoringSSL cannot use our certificate and key, and the JDK encrypts instead, which is"
              + " slower: {}. Use a key of another kind, such as EC (P-256, P-384) or RSA, or set"
              + " {}=jdk",
          innermost(e),
          TlsOptions.PROVIDER);
      return new BoringSsl(null, null, e);
    }
  }

  /**
   * It signs with more kinds of keys than it accepts signatures of: engines with such a key would
   * reach nobody of their kind.
   */
  private static void requireAccepted(PublicKey key) throws SSLException {
    boolean accepted =
        switch (key) {
          case ECKey ec -> ec.getParams().getCurve().getField().getFieldSize() <= CURVE_BITS_MAX;
          case RSAKey _ -> true;
          default -> false;
        };
    if (!accepted) {
      throw new SSLException("of peers it accepts no key like ours, which is " + kind(key));
    }
  }

  private static String kind(PublicKey key) {
    return key instanceof ECKey ec
        ? "EC with " + ec.getParams().getCurve().getField().getFieldSize() + " bits"
        : key.getAlgorithm();
  }

  private static SslContextBuilder common(
      SslContextBuilder builder, X509Certificate[] authorities) {
    return builder
        .sslProvider(SslProvider.OPENSSL)
        .protocols(List.of(PROTOCOL))
        .option(OpenSslContextOption.MAX_CERTIFICATE_LIST_BYTES, MESSAGE_BYTES_MAX)
        .trustManager(authorities);
  }
}
