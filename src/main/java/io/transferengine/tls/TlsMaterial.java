// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import io.transferengine.config.Option;
import io.transferengine.config.Settings;
import io.transferengine.config.TlsOptions;
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
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import javax.net.ssl.SSLContext;

/**
 * Our certificate, its key, and the authorities that we believe, from files, checked.
 *
 * @param chain our certificate, and those between it and its authority
 * @param key the certificate's
 * @param authorities at least one
 */
record TlsMaterial(List<X509Certificate> chain, PrivateKey key, List<X509Certificate> authorities) {
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
    String certificateFile = file(settings, TlsOptions.CERTIFICATE);
    String keyFile = file(settings, TlsOptions.KEY);
    String authorityFile = file(settings, TlsOptions.CA);
    List<X509Certificate> chain =
        PemFiles.certificates(TlsOptions.CERTIFICATE.environmentName(), certificateFile);
    requireValidNow(certificateFile, chain.getFirst());
    PrivateKey key = PemFiles.privateKey(TlsOptions.KEY.environmentName(), keyFile);
    requirePrivate(keyFile);
    if (!belong(key, chain.getFirst().getPublicKey())) {
      throw new ConfigurationException(
          TlsOptions.KEY.environmentName(),
          keyFile,
          "it is not the key of the certificate in " + certificateFile,
          "the key that this certificate was made for, or the certificate of this key in "
              + TlsOptions.CERTIFICATE);
    }
    return new TlsMaterial(
        chain, key, PemFiles.certificates(TlsOptions.CA.environmentName(), authorityFile));
  }

  private static String file(Settings settings, Option<String> option) {
    String file = settings.get(option);
    if (file.isEmpty()) {
      throw new ConfigurationException(
          option.environmentName(),
          "",
          "the path of a PEM file, since " + TlsOptions.MODE + " is required");
    }
    return file;
  }

  private static void requireValidNow(String file, X509Certificate certificate) {
    String option = TlsOptions.CERTIFICATE.environmentName();
    try {
      certificate.checkValidity();
    } catch (CertificateExpiredException e) {
      throw new ConfigurationException(
          option, file, "it expired on " + certificate.getNotAfter(), "a new certificate", e);
    } catch (CertificateNotYetValidException e) {
      throw new ConfigurationException(
          option,
          file,
          "it is valid only from " + certificate.getNotBefore() + " on",
          "a certificate that is valid now; is this machine's clock right?",
          e);
    }
  }

  private static void requirePrivate(String file) {
    String option = TlsOptions.KEY.environmentName();
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
