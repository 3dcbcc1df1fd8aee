// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata;

import io.transferengine.config.MetadataOptions;
import io.transferengine.config.Settings;
import io.transferengine.tls.PemFiles;
import io.transferengine.transfer.ConfigurationException;
import java.security.GeneralSecurityException;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * Sets TLS up for connections to metadata services, from the PEM files that the options name.
 * Stateless.
 */
public final class TlsFiles {
  private TlsFiles() {}

  /**
   * {@return the context that the options {@code TE_METADATA_TLS_*} describe; without them it is
   * the JDK's default}
   *
   * @throws ConfigurationException if a file cannot be read or has the wrong content
   */
  public static SSLContext context(Settings settings) {
    String ca = settings.get(MetadataOptions.TLS_CA);
    KeyManager[] keys = keyManagers(settings);
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(
          keys,
          ca.isEmpty()
              ? null
              : PemFiles.trustManagers(
                  PemFiles.certificates(MetadataOptions.TLS_CA.environmentName(), ca)),
          null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("the JDK cannot set TLS up", e);
    }
  }

  private static KeyManager @Nullable [] keyManagers(Settings settings) {
    String certificate = settings.get(MetadataOptions.TLS_CERTIFICATE);
    String key = settings.get(MetadataOptions.TLS_KEY);
    if (certificate.isEmpty() && key.isEmpty()) {
      return null;
    }
    if (certificate.isEmpty() || key.isEmpty()) {
      throw new ConfigurationException(
          (key.isEmpty() ? MetadataOptions.TLS_KEY : MetadataOptions.TLS_CERTIFICATE)
              .environmentName(),
          "",
          "a PEM file, because a certificate and its key are given together");
    }
    return PemFiles.keyManagers(
        PemFiles.certificates(MetadataOptions.TLS_CERTIFICATE.environmentName(), certificate),
        PemFiles.privateKey(MetadataOptions.TLS_KEY.environmentName(), key));
  }
}
