// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import io.transferengine.transfer.ConfigurationException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/**
 * Keys and certificates from PEM files. What is wrong with a file is a {@link
 * ConfigurationException} that names the option, the file and the remedy. Stateless.
 */
public final class PemFiles {
  private static final Pattern PRIVATE_KEY =
      Pattern.compile("-----BEGIN PRIVATE KEY-----([^-]+)-----END PRIVATE KEY-----");

  private static final String CERTIFICATE_FORM = "a PEM file with a certificate";

  private static final String KEY_FORM =
      "a PEM file with a PKCS #8 private key without a password, as \"openssl pkcs8 -topk8"
          + " -nocrypt\" writes it";

  /** The kinds of private key that are tried in turn. */
  private static final List<String> KEY_ALGORITHMS = List.of("RSA", "EC", "Ed25519");

  /** The key store is never written anywhere, so it needs no password. */
  private static final char[] NO_PASSWORD = new char[0];

  private PemFiles() {}

  /**
   * {@return the certificates in a file, at least one}
   *
   * @param option the option that names the file
   */
  public static List<X509Certificate> certificates(String option, String file) {
    try (InputStream in = Files.newInputStream(Path.of(file))) {
      Collection<? extends Certificate> found =
          CertificateFactory.getInstance("X.509").generateCertificates(in);
      List<X509Certificate> certificates = new ArrayList<>();
      found.forEach(each -> certificates.add((X509Certificate) each));
      if (certificates.isEmpty()) {
        throw new ConfigurationException(
            option, file, "there is no certificate in it", CERTIFICATE_FORM);
      }
      return certificates;
    } catch (IOException | GeneralSecurityException | RuntimeException e) {
      throw unusable(option, file, CERTIFICATE_FORM, e);
    }
  }

  /**
   * {@return the private key in a file}
   *
   * @param option the option that names the file
   */
  public static PrivateKey privateKey(String option, String file) {
    byte[] encoded;
    try {
      String text = Files.readString(Path.of(file), StandardCharsets.US_ASCII);
      Matcher pem = PRIVATE_KEY.matcher(text);
      if (!pem.find()) {
        throw new ConfigurationException(option, file, otherKey(text), KEY_FORM);
      }
      encoded = Base64.getMimeDecoder().decode(pem.group(1));
    } catch (IOException | RuntimeException e) {
      throw unusable(option, file, KEY_FORM, e);
    }
    for (String algorithm : KEY_ALGORITHMS) {
      try {
        return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(encoded));
      } catch (InvalidKeySpecException e) {
        // The key is of another kind.
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException(e);
      }
    }
    throw new ConfigurationException(
        option,
        file,
        "its key is damaged, or of another kind than " + String.join(", ", KEY_ALGORITHMS),
        KEY_FORM);
  }

  private static String otherKey(String text) {
    if (text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")) {
      return "its key has a password";
    }
    return text.contains("PRIVATE KEY-----")
        ? "its key is in another form than PKCS #8"
        : "there is no private key in it";
  }

  private static ConfigurationException unusable(
      String option, String file, String form, Exception cause) {
    return switch (cause) {
      case ConfigurationException known -> known;
      case NoSuchFileException _ ->
          new ConfigurationException(option, file, "there is no such file", form, cause);
      case AccessDeniedException _ ->
          new ConfigurationException(
              option, file, "this process may not read it", form + "; see its permissions", cause);
      default -> new ConfigurationException(option, file, cause.toString(), form, cause);
    };
  }

  /** {@return what presents a certificate, the first of a chain, and has its key} */
  public static KeyManager[] keyManagers(List<X509Certificate> chain, PrivateKey key) {
    try {
      KeyStore store = emptyStore();
      store.setKeyEntry("own", key, NO_PASSWORD, chain.toArray(new Certificate[0]));
      KeyManagerFactory factory =
          KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
      factory.init(store, NO_PASSWORD);
      return factory.getKeyManagers();
    } catch (GeneralSecurityException | IOException e) {
      throw new IllegalStateException("the JDK cannot set TLS up", e);
    }
  }

  /** {@return what believes these authorities and nobody else} */
  public static TrustManager[] trustManagers(List<X509Certificate> authorities) {
    try {
      KeyStore store = emptyStore();
      int index = 0;
      for (Certificate certificate : authorities) {
        store.setCertificateEntry("ca-" + index++, certificate);
      }
      TrustManagerFactory factory =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      factory.init(store);
      return factory.getTrustManagers();
    } catch (GeneralSecurityException | IOException e) {
      throw new IllegalStateException("the JDK cannot set TLS up", e);
    }
  }

  private static KeyStore emptyStore() throws GeneralSecurityException, IOException {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    return store;
  }
}
