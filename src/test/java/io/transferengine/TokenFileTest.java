// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.reaches;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.testkit.ChildJvm;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.OpenMain;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.testkit.TokenFiles;
import io.transferengine.transfer.ConfigurationException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What is wrong with a file of tokens is said when an engine opens; changes in it are used. */
@Timeout(120)
class TokenFileTest {
  private static final int BYTES = 4096;

  @TempDir private Path folder;
  private Path file;

  @BeforeEach
  void path() {
    file = folder.resolve("token");
  }

  private static TestEngine open(Path file) {
    return new TestEngine(BYTES, builder -> TokenTransferTest.with(builder, file));
  }

  private void isRefused(String... parts) {
    assertThatThrownBy(() -> open(file).close())
        .isInstanceOfSatisfying(
            ConfigurationException.class, e -> assertThat(e.variable()).isEqualTo("TE_TOKEN_FILE"))
        .hasMessageContaining(file.toString())
        .hasMessageContainingAll(parts)
        .hasMessageNotContaining(TokenFiles.SECRET.substring(0, 31));
  }

  @Test
  void aFileThatIsNotThere() {
    isRefused("there is no such file", "openssl rand -hex 32");
  }

  /** In a process of its own: as root we may read everything, unless we give that right away. */
  @Test
  void aFileThatMayNotBeRead() throws Exception {
    TokenFiles.write(file, "cluster " + TokenFiles.SECRET);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("---------"));
    boolean mayReadAll = Files.isReadable(file);
    ChildJvm.Result result =
        ChildJvm.run(
            mayReadAll
                ? List.of("setpriv", "--bounding-set=-dac_override,-dac_read_search")
                : List.of(),
            List.of("--enable-native-access=ALL-UNNAMED"),
            ChildJvm.classPath(_ -> true),
            List.of("TE_TOKEN_FILE=" + file),
            OpenMain.class,
            "tcp");
    assertThat(result.output())
        .contains("TE_TOKEN_FILE", file.toString(), "may not read it", "permissions");
  }

  @Test
  void aSecretThatIsTooShort() {
    TokenFiles.write(file, "# ours", "", "cluster " + TokenFiles.SECRET.substring(0, 31));
    isRefused("the secret in its line 3 has 31 bytes", "openssl rand -hex 32");
    TokenFiles.write(file, "cluster " + TokenFiles.SECRET.substring(0, 32));
    open(file).close();
    TokenFiles.write(file, "cluster " + "x".repeat(1025));
    isRefused("1025 bytes");
  }

  @Test
  void aFileWithSomethingElse() throws IOException {
    TokenFiles.write(file, "");
    isRefused("there is no token in it", "NAME SECRET");
    TokenFiles.write(file, TokenFiles.SECRET);
    isRefused("its line 1 is not NAME SECRET");
    TokenFiles.write(file, "a b " + TokenFiles.SECRET);
    isRefused("its line 1 is not NAME SECRET");
    TokenFiles.write(file, "x".repeat(65) + " " + TokenFiles.SECRET);
    isRefused("its line 1 is not NAME SECRET");
    TokenFiles.write(file, "a " + TokenFiles.SECRET, "a " + TokenFiles.OTHER_SECRET);
    isRefused("its line 2 has the name of another line");
    TokenFiles.write(
        file,
        IntStream.range(0, 17).mapToObj(i -> i + " " + TokenFiles.SECRET).toArray(String[]::new));
    isRefused("it has 17 tokens", "at most 16");
    Files.write(file, new byte[(64 << 10) + 1]);
    isRefused("more than 65536 bytes");
    Files.delete(file);
    Files.createDirectory(file);
    isRefused("cannot be read");
  }

  @Test
  void aFileThatEverybodyMayRead() throws IOException {
    TokenFiles.write(file, "cluster " + TokenFiles.SECRET);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
    isRefused("everybody on this machine", "chmod o= " + file);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
    open(file).close();
  }

  /** The facade has no exceptions, and no log has a secret. */
  @Test
  void theFacadeGivesAStatus() {
    TokenFiles.write(file, TokenFiles.SECRET + " x");
    try (PeerProcess peer = PeerProcess.start(Map.of("TE_TOKEN_FILE", file.toString()))) {
      assertThat(peer.call("initialize", "127.0.0.1", "P2PHANDSHAKE", "tcp", "")).isNegative();
      TestEngine.eventually(
          "the remedy in " + peer.log(),
          () -> peer.log().stream().anyMatch(line -> line.contains("the secret in its line 1")));
      assertThat(peer.log()).noneMatch(line -> line.contains(TokenFiles.SECRET));
    }
  }

  /**
   * As operators do it: the new one accepted everywhere, then used everywhere, the old taken out.
   */
  @Test
  void aTokenIsReplacedWithoutARestart() {
    String old = "old " + TokenFiles.SECRET;
    String fresh = "new " + TokenFiles.OTHER_SECRET;
    Path other = folder.resolve("other");
    TokenFiles.write(file, old);
    TokenFiles.write(other, old);
    Path strange = TokenFiles.write(folder.resolve("strange"), old);
    try (LogCapture log = new LogCapture();
        TestEngine one = open(file);
        TestEngine two = open(other);
        TestEngine left = open(strange)) {
      TestEngine.serves(two, one);
      TokenFiles.write(file, "broken");
      TestEngine.eventually("a warning", () -> log.count("cannot be used") == 1);
      TestEngine.serves(one, two);
      TokenFiles.write(file, old, fresh);
      TokenFiles.write(other, fresh, old);
      TestEngine.eventually("both are accepted", () -> reaches(one, two) && reaches(two, one));
      TestEngine.serves(two, one);
      TokenFiles.write(file, fresh);
      TestEngine.eventually("the old one is not", () -> !reaches(left, one));
      TestEngine.serves(one, two);
      TestEngine.serves(two, one);
      assertThat(log.warnings()).noneMatch(line -> line.contains(TokenFiles.SECRET));
    }
  }
}
