// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import io.transferengine.logging.Printable;
import java.io.EOFException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.channels.ClosedChannelException;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.util.Locale;
import java.util.Optional;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * Why a TLS connection could not be made, in words, with the remedy. It knows the texts of the JDK,
 * of Netty and of BoringSSL. Stateless.
 */
public final class TlsCauses {
  private static final int QUOTED_LENGTH_MAX = 200;

  private TlsCauses() {}

  /**
   * {@return what is wrong, a clause that begins with "it" for the other side}
   *
   * @param accepted whether the other side has connected to us
   */
  public static String text(Throwable failure, boolean accepted) {
    return text(failure, accepted, "TE_TLS_CA", "TE_TLS_CERT and TE_TLS_KEY");
  }

  /**
   * As above, for others than engines' ports.
   *
   * @param ourAuthorities the option that names them, here
   * @param theirCertificate the options that name the other side's, there
   */
  static String text(
      Throwable failure, boolean accepted, String ourAuthorities, String theirCertificate) {
    Optional<CertificateExpiredException> expired =
        find(failure, CertificateExpiredException.class);
    if (expired.isPresent()) {
      // NotAfter: and the date.
      return "its certificate has expired (" + said(expired.get()) + "); renew it there";
    }
    if (find(failure, CertificateNotYetValidException.class).isPresent()) {
      return "its certificate is not valid yet; are the clocks right?";
    }
    if (find(failure, CertPathBuilderException.class).isPresent()
        || find(failure, CertPathValidatorException.class).isPresent()) {
      return "its certificate is signed by none of the authorities in " + ourAuthorities;
    }
    String said = said(failure);
    String lower = said.toLowerCase(Locale.ROOT);
    if (lower.contains("key usage")) {
      return "its certificate may not be used so ("
          + said
          + "); it needs the extended key usages serverAuth and clientAuth, or none";
    }
    if (lower.contains("empty client certificate")
        || lower.contains("peer not authenticated")
        || lower.contains("peer_did_not_return_a_certificate")) {
      return "it sent no certificate that is signed by one of the authorities in "
          + ourAuthorities
          + "; set "
          + theirCertificate
          + " there";
    }
    if (lower.contains("unrecognized ssl message") || lower.contains("not an ssl/tls record")) {
      return plain();
    }
    if (lower.startsWith("no name matching") || lower.startsWith("no subject alternative")) {
      return "its certificate is for other names ("
          + said
          + "); add this one to its subject alternative names";
    }
    if (lower.contains("protocol") && (lower.contains("tlsv1") || lower.contains("unsupported"))) {
      return "it speaks no TLS 1.3 (" + said + ")";
    }
    // BoringSSL: SSLV3_ALERT_CERTIFICATE_UNKNOWN
    if (lower.contains("fatal alert") || lower.contains("_alert_")) {
      return "it refuses us (" + said + "); " + (accepted ? ourCertificate() : refusedThere());
    }
    if (isEnd(failure)) {
      return accepted
          ? "it closed the connection during the TLS handshake; its log says why"
          : "it closed the connection during the TLS handshake, as engines without TLS do;"
              + " if TE_TLS is off there, set it there, or list its address in"
              + " TE_TLS_PLAIN_PEERS here";
    }
    if (find(failure, SocketTimeoutException.class).isPresent() || lower.contains("timed out")) {
      return "it did not finish the TLS handshake in time";
    }
    return said;
  }

  /** {@return what is wrong with a peer that sends no TLS to a port of ours that wants it} */
  public static String plain() {
    return "it speaks without TLS, and TE_TLS is required here; set TE_TLS there, or list its"
        + " address in TE_TLS_PLAIN_PEERS here";
  }

  /** {@return what is wrong with a peer that wants TLS, where there is none here} */
  public static String wanted() {
    return "it wants TLS, and TE_TLS is off here";
  }

  /** {@return what to do about it} */
  public static String wantedRemedy() {
    return "Set TE_TLS=required here, with TE_TLS_CERT, TE_TLS_KEY and TE_TLS_CA; or list this"
        + " engine's address in the peer's TE_TLS_PLAIN_PEERS";
  }

  private static String ourCertificate() {
    return "is our certificate for the name that it connects to, and does it believe our"
        + " authority?";
  }

  private static String refusedThere() {
    return "does it believe our authority, and is our name in its TE_TLS_ALLOW? Its log says more";
  }

  /** {@return whether a failure is one of TLS, not of the network below} */
  public static boolean isOfTls(Throwable failure) {
    return find(failure, SSLException.class).isPresent();
  }

  private static boolean isEnd(Throwable failure) {
    return find(failure, EOFException.class).isPresent()
        || find(failure, ClosedChannelException.class).isPresent()
        || find(failure, SocketException.class).isPresent()
        || said(failure).contains("terminated the handshake");
  }

  /** The innermost text that is one. */
  private static String said(Throwable failure) {
    String said = failure.toString();
    for (Throwable at = failure; at != null; at = at.getCause()) {
      if (at.getMessage() != null) {
        said = at.getMessage();
      }
    }
    return Printable.of(said, QUOTED_LENGTH_MAX);
  }

  private static <T extends Throwable> Optional<T> find(
      @Nullable Throwable failure, Class<T> type) {
    for (Throwable at = failure; at != null; at = at.getCause()) {
      if (type.isInstance(at)) {
        return Optional.of(type.cast(at));
      }
    }
    return Optional.empty();
  }
}
