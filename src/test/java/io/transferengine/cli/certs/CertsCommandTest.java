// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.certs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.cli.CommandRun;
import io.transferengine.cli.bench.FreePorts;
import io.transferengine.cli.console.CommandException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The certificates of {@code certs}, and the commands that it prints, run as a user would. */
@Timeout(180)
class CertsCommandTest {
  private static final Path JAVA_HOME = Path.of(System.getProperty("java.home"));
  private static final String PORT = "12443";

  @TempDir private Path folder;

  private static List<Path> files(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().toList();
    }
  }

  private static List<String> names(List<Path> files) {
    return files.stream().map(file -> String.valueOf(file.getFileName())).toList();
  }

  private static X509Certificate certificate(Path file) throws Exception {
    try (InputStream in = Files.newInputStream(file)) {
      return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
    }
  }

  /** The folder's name needs quotes in a shell. */
  @Test
  void whatItPrintsMovesBytesOverTls() throws Exception {
    Path made = folder.resolve("it's a try");
    CommandRun run = CommandRun.of("certs", made.toString());
    assertThat(run.status()).as("%s", run).isZero();
    List<String> shells = shells(run.output());
    assertThat(shells).as(run.output()).hasSize(2);
    Process target = shell(shells.getFirst());
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(target.getInputStream(), StandardCharsets.UTF_8))) {
      assertThat(lines.readLine()).startsWith("listening on localhost:");
      String few = " --seconds 0.1 --sizes 64K --batch 1";
      CommandRun moved = CommandRun.wait(shell(shells.getLast() + few));
      assertThat(moved.status()).as("%s", moved).isZero();
      assertThat(moved.lines("verified")).isEqualTo(2);

      String off = shells.getLast().replace("TE_TLS=required", "TE_TLS=off");
      CommandRun plain = CommandRun.wait(shell(off));
      assertThat(plain.status()).as("%s", plain).isEqualTo(CommandException.FAILED);
      assertThat(plain.error()).contains("it wants TLS, and TE_TLS is off here");
    } finally {
      target.descendants().forEach(ProcessHandle::destroyForcibly);
      target.destroyForcibly();
    }
  }

  /** The indented blocks, with our own command and a port that is free. */
  private static List<String> shells(String output) throws IOException {
    List<String> shells = new ArrayList<>();
    StringBuilder block = new StringBuilder();
    for (String line : output.lines().toList()) {
      if (line.startsWith("  ")) {
        block.append(line).append('\n');
      } else if (!block.isEmpty()) {
        shells.add(block.toString().stripTrailing());
        block.setLength(0);
      }
    }
    int port = FreePorts.next();
    String command = String.join("' '", CommandRun.builder().command());
    return shells.stream()
        .map(shell -> shell.replace("./te ", "'" + command + "' "))
        .map(shell -> shell.replace(PORT, Integer.toString(port)))
        .toList();
  }

  private static Process shell(String text) throws IOException {
    return new ProcessBuilder("bash", "-c", text).start();
  }

  /** Even where new files are everybody's. A file made private later could be open already. */
  @Test
  void nobodyElseMayReadTheFiles() throws Exception {
    Path made = folder.resolve("made");
    List<String> command = new ArrayList<>(List.of("bash", "-c", "umask 0; exec \"$@\"", "bash"));
    command.addAll(CommandRun.builder("certs", made.toString()).command());
    CommandRun run = CommandRun.wait(new ProcessBuilder(command).start());
    assertThat(run.status()).as("%s", run).isZero();
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(made)))
        .isEqualTo("rwx------");
    assertThat(names(files(made)))
        .containsExactly("ca.pem", "one.key", "one.pem", "two.key", "two.pem");
    for (Path file : files(made)) {
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
          .as(file.toString())
          .isEqualTo("rw-------");
    }
  }

  /** Whichever it is: nothing is written beside it, either. */
  @ParameterizedTest
  @ValueSource(strings = {"ca.pem", "one.pem", "two.key"})
  void aFileThatIsThereStays(String name) throws Exception {
    Path there = folder.resolve(name);
    Files.writeString(there, "precious");
    assertThatThrownBy(() -> new CertificateFiles(folder).make(JAVA_HOME, List.of("localhost")))
        .isInstanceOf(CommandException.class)
        .hasMessageContainingAll(there.toString(), "is there already", "another folder");
    assertThat(files(folder)).containsExactly(there);
    assertThat(there).hasContent("precious");
  }

  /** As it is a moment after the files were looked for. */
  @Test
  void aFileThatComesMeanwhileStaysToo() throws Exception {
    Path there = folder.resolve("two.key");
    Path elsewhere = folder.resolve("elsewhere");
    Path home = javaThatFirst("ln -s '" + elsewhere + "' '" + there + "'");
    Path made = folder;
    assertThatThrownBy(() -> new CertificateFiles(made).make(home, List.of("localhost")))
        .isInstanceOf(CommandException.class)
        .hasMessageContainingAll(there.toString(), "is there already");
    assertThat(names(files(folder))).containsExactly("java", "two.key");
    assertThat(elsewhere).doesNotExist();
  }

  /** {@return the home of a Java whose keytool runs a command before it does its work} */
  private Path javaThatFirst(String command) throws IOException {
    Path keytool = folder.resolve("java").resolve("bin").resolve("keytool");
    Files.createDirectories(keytool.getParent());
    Files.writeString(
        keytool,
        "#!/bin/sh\n%s 2>/dev/null\nexec '%s/bin/keytool' \"$@\"\n".formatted(command, JAVA_HOME));
    Files.setPosixFilePermissions(keytool, PosixFilePermissions.fromString("rwx------"));
    return folder.resolve("java");
  }

  @Test
  void aJavaWithoutKeytoolIsSaidWithTheRemedy() {
    Path home = folder.resolve("stripped");
    assertThatThrownBy(() -> new CertificateFiles(folder).make(home, List.of("localhost")))
        .isInstanceOf(CommandException.class)
        .hasMessageContainingAll(home.toString(), "keytool", "JAVA_HOME");
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void whatKeytoolSaysIsPassedOn() throws IOException {
    Path home = javaThatFirst("echo it is broken; exit 1");
    assertThatThrownBy(
            () -> new CertificateFiles(folder.resolve("made")).make(home, List.of("localhost")))
        .isInstanceOf(CommandException.class)
        .hasMessageContaining("keytool: it is broken");
    assertThat(folder.resolve("made")).isEmptyDirectory();
  }

  @Test
  void bothCertificatesHaveAllNames() throws Exception {
    CommandRun run =
        CommandRun.of(
            "certs", folder.toString(), "--name", "*.cluster.example", "--name", "10.1.2.3");
    assertThat(run.status()).as("%s", run).isZero();
    X509Certificate authority = certificate(folder.resolve("ca.pem"));
    for (String owner : CertificateFiles.OWNERS) {
      X509Certificate certificate = certificate(folder.resolve(owner + ".pem"));
      certificate.verify(authority.getPublicKey());
      assertThat(certificate.getSubjectAlternativeNames())
          .contains(
              List.of(2, "localhost"),
              List.of(7, "127.0.0.1"),
              List.of(7, "0:0:0:0:0:0:0:1"),
              List.of(2, "*.cluster.example"),
              List.of(7, "10.1.2.3"));
      assertThat(certificate.getNotAfter().toInstant())
          .isBetween(
              Instant.now().plus(CertificateFiles.VALID_DAYS - 1, ChronoUnit.DAYS),
              Instant.now().plus(CertificateFiles.VALID_DAYS + 1, ChronoUnit.DAYS));
    }
  }
}
