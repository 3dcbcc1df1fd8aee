// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import io.transferengine.metrics.recording.Audit;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;

/** The parts of an exchange of tokens, the same on both ports. See the protocol page. Stateless. */
public final class TokenExchange {
  /** The version of the exchange that a hello names. */
  public static final int VERSION = 1;

  /** The bytes of a nonce. */
  public static final int NONCE_BYTES = 32;

  /** The bytes of a MAC. */
  public static final int MAC_BYTES = 32;

  static final int NAME_BYTES = TokenFile.NAME_LENGTH_MAX;

  /** The bytes of a proof: name, nonce and MAC. */
  public static final int PROOF_BYTES = NAME_BYTES + NONCE_BYTES + MAC_BYTES;

  /** Goes on. */
  public static final int OK = 0;

  /** A token is wanted: whoever came has said something else. */
  public static final int WANTED = 5;

  /** The proof is wrong. */
  public static final int WRONG = 6;

  /** Whose words a MAC confirms. */
  enum Role {
    CONNECTING('C'),
    ACCEPTING('S');

    private final char letter;

    Role(char letter) {
      this.letter = letter;
    }
  }

  /** Which of an engine's ports an exchange is on. */
  public enum Port {
    /** The port of handshakes. */
    RPC('R', Audit.Port.RPC),
    /** The port of TCP data. */
    DATA('D', Audit.Port.DATA);

    private final char letter;
    private final Audit.Port audited;

    Port(char letter, Audit.Port audited) {
      this.letter = letter;
      this.audited = audited;
    }

    /** {@return which it is, for the audit} */
    Audit.Port audited() {
      return audited;
    }
  }

  private static final byte[] LABEL =
      "transfer-engine token 1\0".getBytes(StandardCharsets.US_ASCII);

  private static final SecureRandom RANDOM = new SecureRandom();

  private TokenExchange() {}

  static byte[] nonce() {
    byte[] nonce = new byte[NONCE_BYTES];
    RANDOM.nextBytes(nonce);
    return nonce;
  }

  static byte[] mac(
      Token token, Role role, Port port, byte[] name, byte[] accepting, byte[] connecting) {
    ByteBuffer said = ByteBuffer.allocate(LABEL.length + 3 + NAME_BYTES + 2 * NONCE_BYTES);
    said.put(LABEL).put((byte) role.letter).put((byte) port.letter).put((byte) 0);
    return token.mac(said.put(name).put(accepting).put(connecting).array());
  }
}
