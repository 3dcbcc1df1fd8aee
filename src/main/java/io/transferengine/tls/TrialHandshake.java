// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import java.nio.ByteBuffer;
import java.util.Optional;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLException;

/** A handshake between two engines with the same TLS, in memory. Used once. */
final class TrialHandshake {
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  /** A handshake is a few messages each way. */
  private static final int ROUNDS_MAX = 100;

  private final SSLEngine engine;
  private final ByteBuffer out;
  private final ByteBuffer plain;

  private TrialHandshake(SSLEngine engine) {
    this.engine = engine;
    // A message is more than a packet only with dozens of certificates.
    out = ByteBuffer.allocate(4 * engine.getSession().getPacketBufferSize());
    plain = ByteBuffer.allocate(engine.getSession().getApplicationBufferSize());
  }

  /** {@return why one of both refuses the other, a clause about the other; empty if none does} */
  static Optional<String> refusal(PeerTls tls, String host) {
    TrialHandshake client = new TrialHandshake(tls.connectingEngine(host, -1));
    TrialHandshake server = new TrialHandshake(tls.acceptingEngine());
    try {
      client.engine.beginHandshake();
      server.engine.beginHandshake();
    } catch (SSLException e) {
      return Optional.of(TlsCauses.text(e, false));
    }
    for (int round = 0; round < ROUNDS_MAX; round++) {
      Optional<String> refusal = client.turn(server, false).or(() -> server.turn(client, true));
      if (refusal.isPresent()) {
        return refusal;
      }
      if (client.isDone() && server.isDone()) {
        return client.verified(tls, false).or(() -> server.verified(tls, true));
      }
    }
    return Optional.of("the handshake does not end");
  }

  private Optional<String> verified(PeerTls tls, boolean accepting) {
    try {
      tls.verify(engine.getSession());
      return Optional.empty();
    } catch (SSLException e) {
      return Optional.of(TlsCauses.text(e, accepting));
    }
  }

  private boolean isDone() {
    return out.position() == 0
        && engine.getHandshakeStatus() == SSLEngineResult.HandshakeStatus.NOT_HANDSHAKING;
  }

  /** Takes what the other side has sent, and answers, as far as that goes. */
  private Optional<String> turn(TrialHandshake other, boolean accepting) {
    try {
      while (step(other.out)) {
        // Until it has to wait for the other side.
      }
      return Optional.empty();
    } catch (SSLException e) {
      return Optional.of(TlsCauses.text(e, accepting));
    }
  }

  private boolean step(ByteBuffer in) throws SSLException {
    return switch (engine.getHandshakeStatus()) {
      case NEED_TASK -> {
        engine.getDelegatedTask().run();
        yield true;
      }
      case NEED_WRAP -> engine.wrap(NOTHING, out).bytesProduced() > 0;
      case NEED_UNWRAP, NEED_UNWRAP_AGAIN, NOT_HANDSHAKING, FINISHED -> {
        in.flip();
        SSLEngineResult result = engine.unwrap(in, plain);
        in.compact();
        yield result.bytesConsumed() > 0;
      }
    };
  }
}
