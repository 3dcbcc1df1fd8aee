// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import io.transferengine.tls.TokenExchange.Port;
import io.transferengine.tls.TokenExchange.Role;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;

/** The side of who connects in one exchange. For one thread. */
public final class TokenProof {
  private final Token token;
  private final Port port;
  private final byte[] name;
  private final byte[] nonce = TokenExchange.nonce();
  private byte[] challenge = new byte[0];

  TokenProof(Token token, Port port) {
    this.token = token;
    this.port = port;
    name =
        Arrays.copyOf(token.name().getBytes(StandardCharsets.US_ASCII), TokenExchange.NAME_BYTES);
  }

  /** {@return the proof, in answer to a challenge} */
  public byte[] prove(byte[] nonceOfPeer) {
    challenge = nonceOfPeer.clone();
    return ByteBuffer.allocate(TokenExchange.PROOF_BYTES)
        .put(name)
        .put(nonce)
        .put(mac(Role.CONNECTING))
        .array();
  }

  /** {@return whether the other side has proved that it knows the secret, too} */
  public boolean isConfirmedBy(byte[] verdict) {
    return MessageDigest.isEqual(verdict, mac(Role.ACCEPTING));
  }

  private byte[] mac(Role role) {
    return TokenExchange.mac(token, role, port, name, challenge, nonce);
  }

  /** {@return the name that the other side has proved when it has confirmed} */
  public String provedName() {
    return token.provedName();
  }

  /** {@return what is wrong, after the other side's code} */
  public String refusal(int code) {
    return code == TokenExchange.WRONG
        ? "it does not accept our token " + token + "; is the same line in its TE_TOKEN_FILE?"
        : noExchange();
  }

  /** {@return what is wrong with who says anything else} */
  public String noExchange() {
    return "it answers with something else than an exchange of tokens; set TE_TOKEN_FILE there, or"
        + " list its address in TE_TLS_PLAIN_PEERS here";
  }

  /** {@return what is wrong with who could not confirm} */
  public String unconfirmed() {
    return "it does not know the secret of our token "
        + token
        + ", and nothing was told to it; is it one of our engines?";
  }
}
