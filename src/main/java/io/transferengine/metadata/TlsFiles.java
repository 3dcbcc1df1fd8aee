// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata;

import io.transferengine.config.MetadataOptions;
import io.transferengine.config.Settings;
import io.transferengine.transfer.ConfigurationException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;

/**
 * Sets TLS up for connections to metadata services, from the PEM files that the options name.
 * Stateless.
 */
public final class TlsFiles {
  private static final Pattern PRIVATE_KEY =
      Pattern.compile("-----BEGIN PRIVATE KEY-----([^-]+)-----END PRIVATE KEY-----");

  /** The kinds of private key that are tried in turn. */
  private static final List<String> KEY_ALGORITHMS = List.of("RSA", "EC", "Ed25519");

  /** The key store is never written anywhere, so it needs no password. */
  private static final char[] NO_PASSWORD = new char[0];

  private TlsFiles() {}

  /**
   * {@return the context that the options {@code TE_METADATA_TLS_*} describe; without them it is
   * the JDK's default}
   *
   * @throws ConfigurationException if a file cannot be read or has the wrong content
   */
  public static SSLContext context(Settings settings) {
    String ca = settings.get(MetadataOptions.TLS_CA);
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(keyManagers(settings), ca.isEmpty() ? null : trustManagers(ca), null);
      return context;
    } catch (GeneralSecurityException | IOException e) {
      throw new IllegalStateException("the JDK cannot set TLS up", e);
    }
  }

  private static TrustManager[] trustManagers(String ca)
      throws GeneralSecurityException, IOException {
    KeyStore store = emptyStore();
    int index = 0;
    for (Certificate certificate : certificates(MetadataOptions.TLS_CA.environmentName(), ca)) {
      store.setCertificateEntry("ca-" + index++, certificate);
    }
    TrustManagerFactory factory =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(store);
    return factory.getTrustManagers();
  }

  private static KeyManager @Nullable [] keyManagers(Settings settings)
      throws GeneralSecurityException, IOException {
    String certificate = settings.get(MetadataOptions.TLS_CERTIFICATE);
    String key = settings.get(MetadataOptions.TLS_KEY);
    if (certificate.isEmpty() && key.isEmpty()) {
      return null;
    }
    if (certificate.isEmpty() || key.isEmpty()) {
      throw unusable(
          (key.isEmpty() ? MetadataOptions.TLS_KEY : MetadataOptions.TLS_CERTIFICATE)
              .environmentName(),
          "",
          "a PEM file, because a certificate and its key are given together");
    }
    KeyStore store = emptyStore();
    store.setKeyEntry(
        "own",
        privateKey(key),
        NO_PASSWORD,
        certificates(MetadataOptions.TLS_CERTIFICATE.environmentName(), certificate)
            .toArray(new Certificate[0]));
    KeyManagerFactory factory =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(store, NO_PASSWORD);
    return factory.getKeyManagers();
  }

  private static KeyStore emptyStore() throws GeneralSecurityException, IOException {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    return store;
  }

  private static Collection<? extends Certificate> certificates(String option, String file) {
    try (InputStream in = Files.newInputStream(Path.of(file))) {
      Collection<? extends Certificate> found =
          CertificateFactory.getInstance("X.509").generateCertificates(in);
      if (found.isEmpty()) {
        throw unusable(option, file, "a PEM file with a certificate");
      }
      return found;
    } catch (IOException | GeneralSecurityException | RuntimeException e) {
      throw e instanceof ConfigurationException known
          ? known
          : unusable(option, file, "a PEM file with a certificate (" + e + ")");
    }
  }

  private static PrivateKey privateKey(String file) {
    String option = MetadataOptions.TLS_KEY.environmentName();
    String form = "a PEM file with a PKCS #8 private key without a password";
    byte[] encoded;
    try {
      Matcher pem = PRIVATE_KEY.matcher(Files.readString(Path.of(file), StandardCharsets.US_ASCII));
      if (!pem.find()) {
        throw unusable(option, file, form);
      }
      encoded = Base64.getMimeDecoder().decode(pem.group(1));
    } catch (IOException | RuntimeException e) {
      throw e instanceof ConfigurationException known
          ? known
          : unusable(option, file, form + " (" + e + ")");
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
    throw unusable(option, file, form + " of a kind among " + KEY_ALGORITHMS);
  }

  private static ConfigurationException unusable(String option, String file, String expected) {
    return new ConfigurationException(option, file, expected);
  }
}
