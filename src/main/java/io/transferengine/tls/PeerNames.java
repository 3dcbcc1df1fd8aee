// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import java.net.InetAddress;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Date;
import java.util.List;
import java.util.Locale;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;

/** A peer's certificate, the names in it, and which of them are accepted. Stateless. */
final class PeerNames {
  /** The kinds of subject alternative name of RFC 5280 that are looked at. */
  private static final List<Integer> KINDS = List.of(2, 6, 7); // DNS, URI, IP address

  /** Of the name of a certificate without names, where it needs one. */
  static final String SUBJECT = "subject:";

  /** What begins so is proved otherwise: an authority may leave it to its clients what they are. */
  private static final List<String> RESERVED = List.of(Token.PREFIX, SUBJECT);

  private PeerNames() {}

  /**
   * {@return the certificate of the other side of a finished handshake}
   *
   * @throws SSLException if there is none, or it is not valid at that moment
   */
  static X509Certificate certificate(SSLSession session, Instant now) throws SSLException {
    Certificate[] chain = session.getPeerCertificates();
    if (chain.length == 0 || !(chain[0] instanceof X509Certificate certificate)) {
      throw new SSLPeerUnverifiedException("peer not authenticated");
    }
    try {
      certificate.checkValidity(Date.from(now));
    } catch (CertificateException e) {
      throw new SSLHandshakeException(String.valueOf(e.getMessage()), e);
    }
    return certificate;
  }

  /**
   * {@return when the first certificate of a chain ends}
   *
   * @param from those that ended before do not count
   */
  static Instant end(Certificate[] chain, Instant from) {
    Instant first = Instant.MAX;
    for (Certificate each : chain) {
      if (each instanceof X509Certificate certificate) {
        Instant end = certificate.getNotAfter().toInstant();
        first = end.isBefore(first) && !end.isBefore(from) ? end : first;
      }
    }
    return first;
  }

  /** {@return the host names, addresses and URIs that a certificate is for, but reserved ones} */
  static List<String> of(X509Certificate certificate) {
    List<String> names = new ArrayList<>();
    try {
      Collection<List<?>> all = certificate.getSubjectAlternativeNames();
      if (all != null) {
        for (List<?> name : all) {
          if (name.getFirst() instanceof Integer kind
              && KINDS.contains(kind)
              && name.get(1) instanceof String text
              && RESERVED.stream().noneMatch(text.toLowerCase(Locale.ROOT)::startsWith)) {
            names.add(text);
          }
        }
      }
    } catch (CertificateParsingException e) {
      // Names that nobody can read are accepted by nobody.
      return List.of();
    }
    return names;
  }

  /** {@return the entries of a list that is separated by commas} */
  static List<String> list(String text) {
    List<String> entries = new ArrayList<>();
    for (String entry : text.split(",", -1)) {
      if (!entry.isBlank()) {
        entries.add(entry.strip());
      }
    }
    return List.copyOf(entries);
  }

  /** {@return whether one of a certificate's names is among those that are allowed} */
  static boolean anyAllowed(List<String> names, List<String> allowed) {
    return names.stream().anyMatch(name -> allowed.stream().anyMatch(each -> matches(name, each)));
  }

  private static boolean matches(String name, String allowed) {
    if (name.indexOf(':') >= 0 || allowed.indexOf(':') >= 0) {
      return name.equals(allowed) || isSameAddress(name, allowed);
    }
    String lower = name.toLowerCase(Locale.ROOT);
    String wanted = allowed.toLowerCase(Locale.ROOT);
    if (wanted.startsWith("*.")) {
      int dot = lower.indexOf('.');
      return dot > 0 && lower.substring(dot).equals(wanted.substring(1));
    }
    return lower.equals(wanted);
  }

  /** An IPv6 address can be written in several ways. */
  private static boolean isSameAddress(String one, String other) {
    try {
      return InetAddress.ofLiteral(one).equals(InetAddress.ofLiteral(other));
    } catch (IllegalArgumentException noAddress) {
      return false;
    }
  }
}
