// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import io.transferengine.config.TlsOptions;
import io.transferengine.transfer.ConfigurationException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Reads the file of tokens: a line for each, {@code NAME SECRET}. Empty lines and lines that begin
 * with {@code #} count for nothing. No error quotes a line. Stateless.
 */
final class TokenFile {
  private static final String OPTION = TlsOptions.TOKEN_FILE.environmentName();

  /** As many bytes as a proof has for it. */
  static final int NAME_LENGTH_MAX = 64;

  /** Random bytes of this number cannot be guessed, nor can as many hex digits. */
  static final int SECRET_BYTES_MIN = 32;

  private static final int SECRET_BYTES_MAX = 1024;

  /** One in use, one to come, and some for who has several groups of peers. */
  private static final int TOKENS_MAX = 16;

  /** A server may have one for each of its clients. */
  private static final int BEARERS_MAX = 256;

  private static final int FILE_BYTES_MAX = 64 << 10;

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1," + NAME_LENGTH_MAX + "}");
  private static final Pattern SHOWN = Pattern.compile("[!-~]+");
  private static final Pattern BLANKS = Pattern.compile("[ \t]+");

  private static final String FORM =
      "a file with a line NAME SECRET for each token, made for example by: echo \"mine $(openssl"
          + " rand -hex 32)\"";

  private TokenFile() {}

  /** What a file is for. */
  private record Kind(String option, int tokensMax, boolean isShown) {}

  private static final Kind ENGINES = new Kind(OPTION, TOKENS_MAX, false);

  /**
   * {@return its tokens, at least one, in their order}
   *
   * @throws ConfigurationException for what is wrong with it, naming file and remedy
   */
  static List<Token> read(String file) {
    return read(ENGINES, file);
  }

  /**
   * {@return its tokens, which are shown in a header, and of which some may have the same name}
   *
   * @param option the option that names the file
   * @throws ConfigurationException for what is wrong with it, naming file and remedy
   */
  static List<Token> readBearers(String option, String file) {
    return read(new Kind(option, BEARERS_MAX, true), file);
  }

  private static List<Token> read(Kind kind, String file) {
    String text = text(kind, file);
    TlsMaterial.requirePrivate(kind.option, file);
    List<Token> tokens = new ArrayList<>();
    int number = 0;
    for (String each : text.split("\n", -1)) {
      number++;
      String line = each.strip();
      if (!line.isEmpty() && !line.startsWith("#")) {
        Token token = token(kind, file, number, line);
        if (!kind.isShown && tokens.stream().anyMatch(other -> other.name().equals(token.name()))) {
          throw wrong(
              kind,
              file,
              "its line " + number + " has the name of another line",
              "a name of its own for each token");
        }
        tokens.add(token);
      }
    }
    if (tokens.isEmpty()) {
      throw wrong(kind, file, "there is no token in it", FORM);
    }
    if (tokens.size() > kind.tokensMax) {
      throw wrong(kind, file, "it has " + tokens.size() + " tokens", "at most " + kind.tokensMax);
    }
    return List.copyOf(tokens);
  }

  private static Token token(Kind kind, String file, int number, String line) {
    String[] parts = BLANKS.split(line, -1);
    if (parts.length != 2 || !NAME.matcher(parts[0]).matches()) {
      throw wrong(
          kind,
          file,
          "its line " + number + " is not NAME SECRET",
          FORM + "; a name has letters, digits, dots, dashes and underscores, a secret no blanks");
    }
    byte[] secret = parts[1].getBytes(StandardCharsets.UTF_8);
    if (secret.length < SECRET_BYTES_MIN || secret.length > SECRET_BYTES_MAX) {
      throw wrong(
          kind,
          file,
          "the secret in its line " + number + " has " + secret.length + " bytes",
          SECRET_BYTES_MIN
              + " to "
              + SECRET_BYTES_MAX
              + " random ones, made for example by: openssl rand -hex 32");
    }
    if (kind.isShown && !SHOWN.matcher(parts[1]).matches()) {
      throw wrong(
          kind,
          file,
          "the secret in its line " + number + " has characters that a header cannot have",
          "letters, digits and signs of ASCII, made for example by: openssl rand -hex 32");
    }
    return new Token(parts[0], secret);
  }

  private static String text(Kind kind, String file) {
    try (InputStream in = Files.newInputStream(Path.of(file))) {
      byte[] bytes = in.readNBytes(FILE_BYTES_MAX + 1);
      if (bytes.length > FILE_BYTES_MAX) {
        throw wrong(kind, file, "it has more than " + FILE_BYTES_MAX + " bytes", FORM);
      }
      return new String(bytes, StandardCharsets.UTF_8);
    } catch (NoSuchFileException e) {
      throw wrong(kind, file, "there is no such file", FORM);
    } catch (AccessDeniedException e) {
      throw wrong(
          kind,
          file,
          "this process may not read it",
          "a file with permissions for this process's user");
    } catch (IOException | RuntimeException e) {
      if (e instanceof ConfigurationException known) {
        throw known;
      }
      throw new ConfigurationException(kind.option, file, "it cannot be read: " + e, FORM, e);
    }
  }

  private static ConfigurationException wrong(Kind kind, String file, String what, String remedy) {
    return new ConfigurationException(kind.option, file, what, remedy);
  }
}
