// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.certs;

import io.transferengine.cli.console.CommandException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The PEM files of an authority and of two engines. None that is there is overwritten. */
public final class CertificateFiles {
  /** Whose certificates are made. */
  public static final List<String> OWNERS = List.of("one", "two");

  static final int VALID_DAYS = 30;

  private static final String AUTHORITY = "ca";

  private static final FileAttribute<Set<PosixFilePermission>> OWNER_ONLY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  private static final FileAttribute<Set<PosixFilePermission>> OWNER_ONLY_FOLDER =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  private final Path folder;

  /** As far as they are written, to be deleted if the rest cannot be. */
  private final List<Path> written = new ArrayList<>();

  public CertificateFiles(Path folder) {
    this.folder = folder.toAbsolutePath().normalize();
  }

  /**
   * Makes the folder and the files.
   *
   * @param names the host names and addresses that both engines' certificates are for
   */
  public void make(Path javaHome, List<String> names) {
    try {
      Files.createDirectories(folder, OWNER_ONLY_FOLDER);
      requireAbsent();
      try (Keytool keytool = new Keytool(javaHome)) {
        keytool.make(AUTHORITY, VALID_DAYS, "-ext", "bc:c");
        for (String owner : OWNERS) {
          keytool.make(
              owner, VALID_DAYS, "-signer", AUTHORITY, "-ext", HostNames.alternativeNames(names));
        }
        write(keytool);
      }
    } catch (FileAlreadyExistsException e) {
      throw CommandException.failed(
          e.getFile() + " is there already; name another folder, or remove what is in this one");
    } catch (IOException | GeneralSecurityException e) {
      throw CommandException.failed("no certificates in " + folder + ": " + e);
    }
  }

  /** Before the second that keytool needs. Each file is looked at again when it is written. */
  private void requireAbsent() throws FileAlreadyExistsException {
    List<Path> files = new ArrayList<>(List.of(authority()));
    OWNERS.forEach(owner -> files.addAll(List.of(certificate(owner), key(owner))));
    for (Path file : files) {
      if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
        throw new FileAlreadyExistsException(file.toString());
      }
    }
  }

  private void write(Keytool keytool) throws IOException, GeneralSecurityException {
    boolean all = false;
    try {
      write(authority(), "CERTIFICATE", keytool.certificate(AUTHORITY));
      for (String owner : OWNERS) {
        write(certificate(owner), "CERTIFICATE", keytool.certificate(owner));
        write(key(owner), "PRIVATE KEY", keytool.key(owner));
      }
      all = true;
    } finally {
      if (!all) {
        for (Path file : written) {
          Files.deleteIfExists(file);
        }
      }
    }
  }

  /** The file is its owner's alone from the first moment, and is never one that was there. */
  private void write(Path file, String what, byte[] der) throws IOException {
    String body =
        Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII)).encodeToString(der);
    String text = "-----BEGIN " + what + "-----\n" + body + "\n-----END " + what + "-----\n";
    try (OutputStream out =
        Channels.newOutputStream(
            Files.newByteChannel(
                file,
                Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                OWNER_ONLY))) {
      written.add(file);
      out.write(text.getBytes(StandardCharsets.US_ASCII));
    }
  }

  private Path authority() {
    return folder.resolve(AUTHORITY + ".pem");
  }

  private Path certificate(String owner) {
    return folder.resolve(owner + ".pem");
  }

  private Path key(String owner) {
    return folder.resolve(owner + ".key");
  }

  /** {@return what to set for the engine of an owner} */
  public Map<String, String> variables(String owner) {
    Map<String, String> variables = new LinkedHashMap<>();
    variables.put("TE_TLS", "required");
    variables.put("TE_TLS_CA", authority().toString());
    variables.put("TE_TLS_CERT", certificate(owner).toString());
    variables.put("TE_TLS_KEY", key(owner).toString());
    return variables;
  }
}
