// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * Secrets that a client shows to a server (RFC 6750), from a file like that of {@link PeerToken}
 * whose names may repeat: two lines of a name are its old secret and its new one. Unlike a token
 * between engines, such a secret is on the wire, and known to the server. Thread-safe.
 */
public final class BearerTokens {
  private static final String SCHEME = "Bearer ";

  private final WatchedFiles<List<Token>> files;

  private BearerTokens(WatchedFiles<List<Token>> files) {
    this.files = files;
  }

  /**
   * {@return those in a file}
   *
   * @param option the option that names it, for errors
   * @throws io.transferengine.transfer.ConfigurationException for what is wrong with it
   */
  public static BearerTokens of(String option, String file) {
    return new BearerTokens(
        new WatchedFiles<>(
            "file of bearer tokens has", List.of(file), () -> TokenFile.readBearers(option, file)));
  }

  /** Reads the file again if it has changed. Waits for the disk; as {@link PeerTls#refresh}. */
  public void refresh() {
    files.refresh();
  }

  /** {@return the header by which a client shows the first one; a secret} */
  public String authorization() {
    return SCHEME + files.current().getFirst().bearer();
  }

  /** {@return the name of the token in such a header; empty if it is none of these} */
  public Optional<String> provedName(String authorization) {
    if (!authorization.regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
      return Optional.empty();
    }
    byte[] shown =
        authorization.substring(SCHEME.length()).strip().getBytes(StandardCharsets.ISO_8859_1);
    Optional<String> found = Optional.empty();
    // All of them are compared: the time says nothing of where the right one is.
    for (Token token : files.current()) {
      if (token.isSecret(shown)) {
        found = Optional.of(token.provedName());
      }
    }
    return found;
  }
}
