// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.DuplexChannel;
import io.transferengine.tls.PeerToken;
import io.transferengine.tls.TokenChallenge;
import io.transferengine.tls.TokenExchange;
import io.transferengine.tls.TokenExchange.Port;
import io.transferengine.tls.TokenRefusal;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedChannelException;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32C;

/** The exchange of tokens on the target's end of a connection from a peer. */
final class TokenDoor extends TokenGate {
  /** Longer than an exchange across continents, with a machine that does a thousand at once. */
  private static final long LIMIT_MILLIS = TimeUnit.SECONDS.toMillis(10);

  /** How long one that was refused may take to read why, before a reset may take that away. */
  private static final long LINGER_MILLIS = 1000;

  private final TargetConnection above;
  private final PeerToken tokens;
  private final TokenChallenge challenge;
  private boolean asked;

  /**
   * @param silenceSeconds how long a new connection may ask for nothing
   */
  TokenDoor(TargetConnection above, PeerToken tokens, int silenceSeconds) {
    super(
        above,
        Math.min(LIMIT_MILLIS, TimeUnit.SECONDS.toMillis(silenceSeconds)),
        Frames.HEADER_BYTES);
    this.above = above;
    this.tokens = tokens;
    challenge = tokens.challenge(Port.DATA);
  }

  @Override
  void begin() {}

  @Override
  boolean hasHeard() {
    return asked || super.hasHeard();
  }

  @Override
  void arrived(byte[] whole, boolean more) {
    if (!asked) {
      hello(whole, more);
      return;
    }
    TokenChallenge.Verdict verdict;
    try {
      if (more) {
        throw new TokenRefusal(PeerToken.MORE);
      }
      verdict = challenge.check(whole);
    } catch (TokenRefusal e) {
      refuse(answer(TokenExchange.WRONG), e);
      return;
    }
    above.proved(List.of(verdict.provedName()));
    send(answer(TokenExchange.OK, verdict.mac()));
    open();
  }

  private void hello(byte[] header, boolean more) {
    int opcode = Frames.headerOpcode(header);
    long size = Frames.headerSize(header);
    if (Arrays.equals(header, hello())) {
      if (more) {
        refuse(answer(TokenExchange.WRONG), new TokenRefusal(PeerToken.MORE));
        return;
      }
      asked = true;
      expect(TokenExchange.PROOF_BYTES);
      send(answer(TokenExchange.OK, challenge.nonce()));
    } else if (Refusals.isTlsHello(size)) {
      fail(new TokenRefusal(Refusals.SPEAKS_TLS));
    } else if ((opcode & Frames.VERSION_2_BIT) == 0) {
      // It would take a status for the bytes that it wants to read.
      context().channel().config().setOption(ChannelOption.SO_LINGER, 0);
      fail(new TokenRefusal(PeerToken.WANTED));
    } else {
      boolean hello = opcode == (Frames.OPCODE_HELLO | Frames.VERSION_2_BIT);
      refuse(
          hello && size == Frames.HELLO_MARK ? checkedAnswer() : answer(TokenExchange.WANTED),
          new TokenRefusal(PeerToken.WANTED));
    }
  }

  private static byte[] answer(int code, byte... behind) {
    byte[] answer = Arrays.copyOf(Frames.status(code).array(), Frames.STATUS_BYTES + behind.length);
    System.arraycopy(behind, 0, answer, Frames.STATUS_BYTES, behind.length);
    return answer;
  }

  /** As the answer to a hello of a checked connection; who we are is not said. */
  private static byte[] checkedAnswer() {
    int summed = Frames.STATUS_BYTES + Frames.INCARNATION_BYTES;
    byte[] answer = answer(TokenExchange.WANTED, new byte[Frames.INCARNATION_BYTES]);
    CRC32C sum = new CRC32C();
    sum.update(answer);
    return ByteBuffer.allocate(Frames.HELLO_ANSWER_BYTES)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(answer)
        .putInt(summed, (int) sum.getValue())
        .array();
  }

  /** Tells the peer, and lets it read that. */
  private void refuse(byte[] answer, TokenRefusal why) {
    stop();
    audit(why);
    send(answer);
    Channel channel = context().channel();
    Runnable end =
        new Runnable() {
          @Override
          public void run() {
            above.end();
          }
        };
    var _ =
        channel
            .writeAndFlush(Unpooled.EMPTY_BUFFER)
            .addListener(
                new ChannelFutureListener() {
                  @Override
                  public void operationComplete(ChannelFuture sent) {
                    var _ = ((DuplexChannel) channel).shutdownOutput();
                    var _ = channel.eventLoop().schedule(end, LINGER_MILLIS, TimeUnit.MILLISECONDS);
                  }
                });
  }

  @Override
  void failed(Throwable cause) {
    boolean left = hasHeard() && cause instanceof IOException;
    if (cause instanceof TokenRefusal refusal) {
      audit(refusal);
    } else if (cause instanceof SocketTimeoutException) {
      audit(new TokenRefusal(PeerToken.LATE, cause));
    } else if (left && !(cause instanceof ClosedChannelException)) {
      audit(new TokenRefusal(PeerToken.LEFT, cause));
    }
    above.end();
  }

  private void audit(TokenRefusal why) {
    String from = String.valueOf(context().channel().remoteAddress());
    tokens.refused(from, Port.DATA, String.valueOf(why.getMessage()));
  }
}
