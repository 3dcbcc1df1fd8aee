// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.certs;

import io.transferengine.cli.console.CommandException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;

/**
 * The keytool of the Java that runs this, and a key store of its own, which is deleted at the end.
 * The JDK has no public way to sign a certificate; keytool belongs to the module java.base, so
 * every Java has it unless its commands were taken out.
 */
final class Keytool implements AutoCloseable {
  private static final String PASSWORD_VARIABLE = "TE_CERTS_PASSWORD";
  private static final int PASSWORD_BYTES = 24;

  private final Path program;
  private final Path folder;
  private final Path store;
  private final String password;

  /** Makes a folder that only we may enter. */
  Keytool(Path javaHome) throws IOException {
    program = javaHome.resolve("bin").resolve("keytool");
    if (!Files.isExecutable(program)) {
      throw CommandException.lacks(
          "there is no "
              + program
              + ", which makes the certificates; set JAVA_HOME to a JDK, or make them with"
              + " openssl");
    }
    byte[] random = new byte[PASSWORD_BYTES];
    new SecureRandom().nextBytes(random);
    password = Base64.getUrlEncoder().encodeToString(random);
    folder = Files.createTempDirectory("te-certs");
    store = folder.resolve("keys.p12");
  }

  /**
   * Makes a key on the curve P-256, and a certificate.
   *
   * @param name of both in the store, and in the certificate
   * @param options of keytool's command {@code -genkeypair}
   */
  void make(String name, int validDays, String... options) throws IOException {
    List<String> command = new ArrayList<>(List.of(program.toString(), "-genkeypair"));
    Collections.addAll(command, "-alias", name, "-dname", "CN=te certs " + name);
    Collections.addAll(command, "-keyalg", "EC", "-groupname", "secp256r1");
    Collections.addAll(command, "-validity", Integer.toString(validDays));
    Collections.addAll(command, options);
    Collections.addAll(command, "-storetype", "PKCS12", "-keystore", store.toString());
    // Not on the command line, which everybody on this machine can read.
    Collections.addAll(command, "-storepass:env", PASSWORD_VARIABLE);
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put(PASSWORD_VARIABLE, password);
    Process process = builder.start();
    try {
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.waitFor() != 0) {
        throw CommandException.failed("keytool: " + said.strip());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw CommandException.failed("interrupted");
    } finally {
      process.destroy();
    }
  }

  /** {@return a certificate, in DER} */
  byte[] certificate(String name) throws IOException, GeneralSecurityException {
    return keys().getCertificate(name).getEncoded();
  }

  /** {@return a private key, in the DER of PKCS #8} */
  byte[] key(String name) throws IOException, GeneralSecurityException {
    return keys().getKey(name, password.toCharArray()).getEncoded();
  }

  private KeyStore keys() throws IOException, GeneralSecurityException {
    KeyStore keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(store)) {
      keys.load(in, password.toCharArray());
    }
    return keys;
  }

  @Override
  public void close() throws IOException {
    Files.deleteIfExists(store);
    Files.deleteIfExists(folder);
  }
}
