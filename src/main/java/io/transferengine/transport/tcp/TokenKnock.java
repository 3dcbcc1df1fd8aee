// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.tls.PeerToken;
import io.transferengine.tls.TokenExchange;
import io.transferengine.tls.TokenExchange.Port;
import io.transferengine.tls.TokenProof;
import io.transferengine.tls.TokenRefusal;
import java.util.function.Consumer;

/** The exchange of tokens on our end of a connection to a peer. */
final class TokenKnock extends TokenGate {
  private final TokenProof proof;
  private final Consumer<Throwable> refused;
  private boolean hasProved;

  /** Whether the code was good, and a nonce or a MAC follows. */
  private boolean answered;

  /**
   * @param limitMillis what is left for connecting
   * @param refused told why there is no connection, when there is none
   */
  TokenKnock(WireHandler above, PeerToken tokens, long limitMillis, Consumer<Throwable> refused) {
    super(above, limitMillis, Frames.STATUS_BYTES);
    proof = tokens.proof(Port.DATA);
    this.refused = refused;
  }

  @Override
  void begin() {
    send(hello());
  }

  @Override
  void arrived(byte[] whole, boolean more) {
    if (more && answered) {
      fail(new TokenRefusal(proof.noExchange()));
    } else if (!answered) {
      code(Frames.statusCode(whole));
    } else if (!hasProved) {
      hasProved = true;
      answered = false;
      expect(Frames.STATUS_BYTES);
      send(proof.prove(whole));
    } else if (proof.isConfirmedBy(whole)) {
      open();
    } else {
      fail(new TokenRefusal(proof.unconfirmed()));
    }
  }

  private void code(int code) {
    if (code == Frames.STATUS_OK) {
      answered = true;
      expect(hasProved ? TokenExchange.MAC_BYTES : TokenExchange.NONCE_BYTES);
    } else {
      fail(new TokenRefusal(proof.refusal(code)));
    }
  }

  @Override
  void failed(Throwable cause) {
    try {
      refused.accept(cause);
    } finally {
      var _ = context().channel().close();
    }
  }
}
