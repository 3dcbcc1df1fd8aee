// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import io.transferengine.net.Farewell;
import io.transferengine.tls.PeerToken;
import io.transferengine.tls.TokenChallenge;
import io.transferengine.tls.TokenExchange;
import io.transferengine.tls.TokenExchange.Port;
import io.transferengine.tls.TokenProof;
import io.transferengine.tls.TokenRefusal;
import io.transferengine.transfer.TransferException;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.Arrays;

/**
 * The exchange of tokens at the beginning of a connection to the RPC port, both sides. Each message
 * is a handshake frame of type {@link MessageType#TOKEN}, with a code in front. Stateless.
 */
final class TokenLink {
  private static final int LENGTH_BYTES = Long.BYTES;

  /** Length, type and code. */
  private static final int HEAD_BYTES = LENGTH_BYTES + 2;

  private static final byte[] NOTHING = {};

  private TokenLink() {}

  /**
   * The side of the daemon.
   *
   * @param readTimeout of each read
   * @param deadlineNanos of all
   * @throws TokenRefusal if the client is refused; it has been told, as far as it can be
   */
  static void accept(Link link, PeerToken tokens, Duration readTimeout, long deadlineNanos)
      throws IOException {
    InputStream in = new TimedInput(link.socket(), readTimeout, deadlineNanos);
    hello(link, in);
    TokenChallenge challenge = tokens.challenge(Port.RPC);
    send(link, TokenExchange.OK, challenge.nonce(), deadlineNanos);
    try {
      byte[] proof = receive(in, TokenExchange.PROOF_BYTES);
      TokenChallenge.Verdict verdict = challenge.check(proof);
      send(link, TokenExchange.OK, verdict.mac(), deadlineNanos);
      link.proved(verdict.provedName());
    } catch (TokenRefusal e) {
      refuse(link, TokenExchange.WRONG);
      throw e;
    } catch (SocketTimeoutException e) {
      throw new TokenRefusal(PeerToken.LATE, e);
    } catch (IOException e) {
      throw new TokenRefusal(PeerToken.LEFT, e);
    }
  }

  /** Reads no more than a hello has, whatever it is: it may be the beginning of a long request. */
  private static void hello(Link link, InputStream in) throws IOException {
    byte[] hello = new byte[HEAD_BYTES];
    int filled = 0;
    try {
      while (filled < hello.length) {
        int count = in.read(hello, filled, hello.length - filled);
        if (count < 0) {
          break;
        }
        filled += count;
      }
    } catch (SocketTimeoutException e) {
      throw filled == 0 ? e : new TokenRefusal(PeerToken.LATE, e);
    }
    if (filled == 0) {
      throw new EOFException(FrameCodec.NOTHING_SENT);
    }
    if (!Arrays.equals(hello, head(TokenExchange.VERSION, 0))) {
      refuse(link, TokenExchange.WANTED);
      throw new TokenRefusal(saidInstead(hello));
    }
  }

  private static String saidInstead(byte[] hello) {
    try {
      FrameCodec.requireNoTls(hello);
      return PeerToken.WANTED;
    } catch (TransferException ofTls) {
      return String.valueOf(ofTls.getMessage());
    }
  }

  /**
   * The side of the client.
   *
   * @param deadlineNanos of all
   * @throws TokenRefusal if the peer is refused, or has refused us
   * @throws TransferException if the peer wants TLS
   */
  static void connect(Link link, PeerToken tokens, long deadlineNanos) throws IOException {
    TokenProof proof = tokens.proof(Port.RPC);
    Duration left = Duration.ofNanos(Math.max(1, deadlineNanos - System.nanoTime()));
    InputStream in = new TimedInput(link.socket(), left, deadlineNanos);
    send(link, TokenExchange.VERSION, NOTHING, deadlineNanos);
    byte[] nonce = answer(in, proof, TokenExchange.NONCE_BYTES);
    send(link, TokenExchange.OK, proof.prove(nonce), deadlineNanos);
    if (!proof.isConfirmedBy(answer(in, proof, TokenExchange.MAC_BYTES))) {
      throw new TokenRefusal(proof.unconfirmed());
    }
    link.proved(proof.provedName());
  }

  private static byte[] answer(InputStream in, TokenProof proof, int bytes) throws IOException {
    byte[] head = in.readNBytes(HEAD_BYTES);
    // A TLS alert is shorter than a head.
    FrameCodec.requireNoTls(Arrays.copyOf(head, HEAD_BYTES));
    if (head.length < HEAD_BYTES) {
      throw ended();
    }
    int code = head[HEAD_BYTES - 1] & 0xff;
    byte[] expected = head(code, code == TokenExchange.OK ? bytes : 0);
    if (!Arrays.equals(head, expected)) {
      throw new TokenRefusal(proof.noExchange());
    }
    if (code != TokenExchange.OK) {
      throw new TokenRefusal(proof.refusal(code));
    }
    return readFully(in, bytes);
  }

  private static byte[] receive(InputStream in, int bytes) throws IOException {
    if (!Arrays.equals(readFully(in, HEAD_BYTES), head(TokenExchange.OK, bytes))) {
      throw new TokenRefusal(PeerToken.NO_PROOF);
    }
    return readFully(in, bytes);
  }

  private static byte[] readFully(InputStream in, int bytes) throws IOException {
    byte[] read = in.readNBytes(bytes);
    if (read.length < bytes) {
      throw ended();
    }
    return read;
  }

  private static EOFException ended() {
    return new EOFException("the connection was closed inside an exchange of tokens");
  }

  private static byte[] head(int code, int bytes) {
    return ByteBuffer.allocate(HEAD_BYTES)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(bytes + 2L)
        .put((byte) MessageType.TOKEN.wireValue())
        .put((byte) code)
        .array();
  }

  private static void send(Link link, int code, byte[] message, long deadlineNanos)
      throws IOException {
    byte[] head = head(code, message.length);
    byte[] frame = Arrays.copyOf(head, head.length + message.length);
    System.arraycopy(message, 0, frame, head.length, message.length);
    Duration left = Duration.ofNanos(Math.max(1, deadlineNanos - System.nanoTime()));
    link.writeWithin(left, frame);
  }

  private static void refuse(Link link, int code) {
    try {
      link.writeWithin(Farewell.LIMIT, head(code, 0));
    } catch (IOException e) {
      // It is refused all the same.
    }
    link.linger();
  }
}
