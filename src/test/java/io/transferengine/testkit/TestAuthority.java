// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import io.transferengine.tls.PemFiles;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.security.cert.Certificate;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;

/** An authority that signs certificates for tests, made by the JDK's keytool. */
public final class TestAuthority {
  private static final String PASSWORD = "changeit";

  /** The names of this machine's loopback. */
  public static final String LOOPBACK = "san=ip:127.0.0.1,ip:::1,dns:localhost";

  private final Path folder;
  private final Path store;
  private final Path certificateFile;

  /**
   * A certificate with its key and the authority's, in PEM files.
   *
   * @param certificate the file of the certificate
   * @param key the file of its key
   * @param authority the file of the authority that the owner believes
   */
  public record Identity(Path certificate, Path key, Path authority) {
    /** {@return the engine's variables for it} */
    public Map<String, String> variables() {
      return Map.of(
          "TE_TLS", "required",
          "TE_TLS_PROVIDER", "jdk",
          "TE_TLS_CERT", certificate.toString(),
          "TE_TLS_KEY", key.toString(),
          "TE_TLS_CA", authority.toString());
    }

    /** {@return TLS with it, for sockets that are no engine's} */
    public SSLContext context() {
      try {
        SSLContext made = SSLContext.getInstance("TLSv1.3");
        made.init(
            PemFiles.keyManagers(
                PemFiles.certificates("test", certificate.toString()),
                PemFiles.privateKey("test", key.toString())),
            PemFiles.trustManagers(PemFiles.certificates("test", authority.toString())),
            new SecureRandom());
        return made;
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException(e);
      }
    }

    /** {@return the same certificate for an owner that believes another authority} */
    public Identity believing(TestAuthority other) {
      return new Identity(certificate, key, other.certificate());
    }
  }

  /** Makes one, in a folder that exists. */
  public TestAuthority(Path folder, String name) {
    this.folder = folder;
    store = folder.resolve(name + ".p12");
    keytool("-genkeypair", "-alias", "ca", "-dname", "CN=" + name, "-ext", "bc:c");
    write(folder.resolve(name + "-ca.pem"), pem("CERTIFICATE", encoded("ca")));
    certificateFile = folder.resolve(name + "-ca.pem");
  }

  /** {@return one in a folder that is deleted at the end of this process} */
  public static TestAuthority temporary(String name) {
    try {
      Path folder = Files.createTempDirectory("te-certificates");
      Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(folder)));
      return new TestAuthority(folder, name);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void delete(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
      Files.delete(folder);
    } catch (IOException e) {
      // It is in the folder for temporary files.
    }
  }

  /** {@return the file of its own certificate} */
  public Path certificate() {
    return certificateFile;
  }

  /** {@return a certificate for the loopback} */
  public Identity loopback(String name) {
    return issue(name, "-ext", LOOPBACK);
  }

  /**
   * {@return a new certificate}
   *
   * @param options of keytool, such as {@code -ext}, {@code -startdate} and {@code -keyalg}
   */
  public Identity issue(String name, String... options) {
    List<String> arguments = new ArrayList<>(List.of("-genkeypair", "-alias", name));
    Collections.addAll(arguments, "-signer", "ca", "-dname", "CN=" + name);
    Collections.addAll(arguments, options);
    keytool(arguments.toArray(String[]::new));
    Path certificate = folder.resolve(name + ".pem");
    Path key = folder.resolve(name + ".key");
    write(certificate, pem("CERTIFICATE", encoded(name)));
    write(key, pem("PRIVATE KEY", key(name)));
    return new Identity(certificate, key, certificateFile);
  }

  private void keytool(String... options) {
    List<String> command =
        new ArrayList<>(
            List.of(Path.of(System.getProperty("java.home"), "bin", "keytool").toString()));
    Collections.addAll(command, options);
    if (!command.contains("-keyalg")) {
      Collections.addAll(command, "-keyalg", "EC", "-groupname", "secp256r1");
    }
    Collections.addAll(command, "-storetype", "PKCS12", "-keystore", store.toString());
    Collections.addAll(command, "-storepass", PASSWORD);
    try {
      Process keytool = new ProcessBuilder(command).redirectErrorStream(true).start();
      String said = new String(keytool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (!keytool.waitFor(60, TimeUnit.SECONDS) || keytool.exitValue() != 0) {
        throw new IllegalStateException("keytool failed: " + said);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private KeyStore keys() throws IOException, GeneralSecurityException {
    KeyStore keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(store)) {
      keys.load(in, PASSWORD.toCharArray());
    }
    return keys;
  }

  private byte[] encoded(String alias) {
    try {
      Certificate certificate = keys().getCertificate(alias);
      return certificate.getEncoded();
    } catch (IOException | GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private byte[] key(String alias) {
    try {
      return keys().getKey(alias, PASSWORD.toCharArray()).getEncoded();
    } catch (IOException | GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void write(Path file, String text) {
    try {
      Files.deleteIfExists(file);
      Files.createFile(
          file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String pem(String what, byte[] der) {
    String text =
        Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII)).encodeToString(der);
    return "-----BEGIN " + what + "-----\n" + text + "\n-----END " + what + "-----\n";
  }
}
