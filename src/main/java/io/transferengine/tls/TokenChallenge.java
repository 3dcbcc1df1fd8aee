// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import io.transferengine.logging.Printable;
import io.transferengine.tls.TokenExchange.Port;
import io.transferengine.tls.TokenExchange.Role;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.List;

/** The side of who accepts in one exchange. For one thread. */
public final class TokenChallenge {
  /** What a proof that is right proves. */
  public static final class Verdict {
    private final String name;
    private final byte[] mac;

    private Verdict(String name, byte[] mac) {
      this.name = name;
      this.mac = mac;
    }

    /** {@return the name that the peer has proved, {@code token:} before that of its token} */
    public String provedName() {
      return name;
    }

    /** {@return what confirms to the peer that we know the secret, too} */
    public byte[] mac() {
      return mac.clone();
    }
  }

  private final List<Token> tokens;
  private final Port port;
  private final byte[] nonce = TokenExchange.nonce();

  TokenChallenge(List<Token> tokens, Port port) {
    this.tokens = tokens;
    this.port = port;
  }

  /** {@return the challenge} */
  public byte[] nonce() {
    return nonce.clone();
  }

  /**
   * {@return what a proof proves}
   *
   * @throws TokenRefusal if it is wrong; the message says why
   */
  public Verdict check(byte[] proof) throws TokenRefusal {
    int nonceAt = TokenExchange.NAME_BYTES;
    int macAt = nonceAt + TokenExchange.NONCE_BYTES;
    byte[] name = Arrays.copyOf(proof, nonceAt);
    byte[] theirs = Arrays.copyOfRange(proof, nonceAt, macAt);
    byte[] mac = Arrays.copyOfRange(proof, macAt, TokenExchange.PROOF_BYTES);
    Token token = token(name);
    if (!MessageDigest.isEqual(mac, mac(token, Role.CONNECTING, name, theirs))) {
      throw new TokenRefusal(
          "it does not know the secret of the token "
              + token
              + "; compare that line of TE_TOKEN_FILE there with the one here");
    }
    return new Verdict(token.provedName(), mac(token, Role.ACCEPTING, name, theirs));
  }

  private byte[] mac(Token token, Role role, byte[] name, byte[] theirs) {
    return TokenExchange.mac(token, role, port, name, nonce, theirs);
  }

  private Token token(byte[] padded) throws TokenRefusal {
    String name = new String(padded, StandardCharsets.ISO_8859_1);
    for (Token token : tokens) {
      // With the zeros behind it: another name may begin with this one.
      if (name.equals(token.name() + "\0".repeat(padded.length - token.name().length()))) {
        return token;
      }
    }
    throw new TokenRefusal(
        "its token, \""
            + Printable.of(name.strip(), TokenExchange.NAME_BYTES).strip()
            + "\", is not in TE_TOKEN_FILE here; the first line of that file there has to be one of"
            + " the lines here");
  }
}
