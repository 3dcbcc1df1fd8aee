// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import io.transferengine.config.Option;
import io.transferengine.config.Settings;
import io.transferengine.config.TlsOptions;
import io.transferengine.logging.Printable;
import io.transferengine.transfer.ConfigurationException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import javax.net.ssl.SSLContext;

/**
 * Our certificate, its key, and the authorities that we believe, from files, checked.
 *
 * @param certificateSource where our certificate is
 * @param keySource where its key is
 * @param chain our certificate, and those between it and its authority
 * @param key the certificate's
 * @param authorities none if we believe nobody
 */
public record TlsMaterial(
    PemSource certificateSource,
    PemSource keySource,
    List<X509Certificate> chain,
    PrivateKey key,
    List<X509Certificate> authorities) {
  /** Time enough for whoever reads the log once a week to get a new certificate. */
  static final Duration SOON = Duration.ofDays(14);

  private static final int SUBJECT_LENGTH_MAX = 200;

  private static final Set<PosixFilePermission> OF_OTHERS =
      EnumSet.of(PosixFilePermission.OTHERS_READ, PosixFilePermission.OTHERS_WRITE);

  /** Anything: it is only signed to see whether two keys belong together. */
  private static final byte[] PROBE = {1, 2, 3};

  /**
   * {@return what the files say that the options name}
   *
   * @throws ConfigurationException for what is wrong with them, naming file and remedy
   */
  static TlsMaterial of(Settings settings) {
    return of(settings, Instant.now());
  }

  /** As above, at a moment. */
  static TlsMaterial of(Settings settings, Instant now) {
    return of(
        source(settings, TlsOptions.CERTIFICATE),
        source(settings, TlsOptions.KEY),
        Optional.of(source(settings, TlsOptions.CA)),
        now);
  }

  /**
   * {@return what these files say}
   *
   * @param clients whom we believe; empty for nobody
   * @throws ConfigurationException for what is wrong with them, naming file and remedy
   */
  static TlsMaterial of(
      PemSource certificate, PemSource keySource, Optional<PemSource> clients, Instant now) {
    List<X509Certificate> chain = PemFiles.certificates(certificate.option(), certificate.file());
    requireValid(certificate, chain, now);
    PrivateKey key = PemFiles.privateKey(keySource.option(), keySource.file());
    requirePrivate(keySource.option(), keySource.file());
    if (!belong(key, chain.getFirst().getPublicKey())) {
      throw new ConfigurationException(
          keySource.option(),
          keySource.file(),
          "it is not the key of the certificate in " + certificate.file(),
          "the key that this certificate was made for, or the certificate of this key in "
              + certificate.option());
    }
    return new TlsMaterial(
        certificate,
        keySource,
        chain,
        key,
        clients
            .map(source -> PemFiles.certificates(source.option(), source.file()))
            .orElse(List.of()));
  }

  private static PemSource source(Settings settings, Option<String> option) {
    PemSource source = PemSource.of(settings, option);
    if (source.file().isEmpty()) {
      throw new ConfigurationException(
          option.environmentName(),
          "",
          "the path of a PEM file, since " + TlsOptions.MODE + " is required");
    }
    return source;
  }

  /** Peers look at all of the chain. */
  private static void requireValid(PemSource source, List<X509Certificate> chain, Instant now) {
    for (X509Certificate certificate : chain) {
      String which = which(chain, certificate);
      try {
        certificate.checkValidity(Date.from(now));
      } catch (CertificateExpiredException e) {
        throw new ConfigurationException(
            source.option(),
            source.file(),
            which + " expired on " + certificate.getNotAfter(),
            "a new certificate",
            e);
      } catch (CertificateNotYetValidException e) {
        throw new ConfigurationException(
            source.option(),
            source.file(),
            which + " is valid only from " + certificate.getNotBefore() + " on",
            "a certificate that is valid now; is this machine's clock right?",
            e);
      }
    }
  }

  private static String which(List<X509Certificate> chain, X509Certificate certificate) {
    return certificate.equals(chain.getFirst())
        ? "it"
        : "the certificate of "
            + Printable.of(certificate.getSubjectX500Principal().getName(), SUBJECT_LENGTH_MAX)
            + " in it";
  }

  /** {@return until when all of the chain is valid} */
  Instant expiry() {
    return chain.stream()
        .map(certificate -> certificate.getNotAfter().toInstant())
        .min(Instant::compareTo)
        .orElseThrow();
  }

  /** {@return a sentence for what will soon be wrong with the files} */
  List<String> warnings(Instant now) {
    if (!expiry().isBefore(now.plus(SOON))) {
      return List.of();
    }
    if (!now.isBefore(expiry())) {
      return List.of(
          "The certificate in "
              + certificateSource.file()
              + " expired on "
              + expiry()
              + ", and peers refuse it: put a new one there, with its key in "
              + keySource.option());
    }
    long days = Duration.between(now, expiry()).toDays();
    return List.of(
        "The certificate in "
            + certificateSource.file()
            + " expires in "
            + (days == 0 ? "less than a day" : days == 1 ? "1 day" : days + " days")
            + ", on "
            + expiry()
            + ": put a new one there, with its key in "
            + keySource.option());
  }

  /** Nobody but a file's owner and group may read or change it; else it is an error. */
  static void requirePrivate(String option, String file) {
    try {
      Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(Path.of(file));
      if (permissions.stream().anyMatch(OF_OTHERS::contains)) {
        throw new ConfigurationException(
            option,
            file,
            "everybody on this machine may read or change it",
            "a file for its owner and group alone: chmod o= " + file);
      }
    } catch (IOException e) {
      throw new ConfigurationException(
          option, file, "its permissions cannot be read: " + e, "a file for its owner alone", e);
    } catch (UnsupportedOperationException e) {
      // A file system without such permissions: who may read there is not for us to know.
    }
  }

  private static boolean belong(PrivateKey key, PublicKey certified) {
    String algorithm =
        switch (key.getAlgorithm()) {
          case "RSA" -> "SHA256withRSA";
          case "EC" -> "SHA256withECDSA";
          default -> key.getAlgorithm();
        };
    try {
      Signature signature = Signature.getInstance(algorithm);
      signature.initSign(key);
      signature.update(PROBE);
      byte[] signed = signature.sign();
      signature.initVerify(certified);
      signature.update(PROBE);
      return signature.verify(signed);
    } catch (GeneralSecurityException e) {
      return false; // They are of different kinds.
    }
  }

  /** {@return a context with all of it, and no remembered sessions} */
  SSLContext context() {
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(PemFiles.keyManagers(chain, key), PemFiles.trustManagers(authorities), null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("the JDK cannot set TLS up", e);
    }
  }
}
