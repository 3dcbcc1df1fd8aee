// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import static io.transferengine.fuzz.Oracle.require;
import static io.transferengine.fuzz.Oracle.requireText;

import io.transferengine.fuzz.FuzzTarget;
import io.transferengine.fuzz.Tape;
import io.transferengine.fuzz.TokenPlay;
import io.transferengine.tls.PeerToken;
import io.transferengine.tls.TokenRefusal;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * The exchange of tokens on the RPC port, either side of it. It ends well if, and only if, the
 * other side has said and proved what it has to.
 */
public final class TokenLinkFuzz implements FuzzTarget {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  private final PeerToken tokens = TokenPlay.tokens();
  private final ServerSocketChannel listener;

  /** Listens on the loopback. */
  public TokenLinkFuzz() {
    try {
      listener =
          ServerSocketChannel.open()
              .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void run(byte[] input) throws Exception {
    Tape tape = new Tape(input);
    boolean accepts = (tape.next() & 1) == 0;
    int pieceBytes = 1 + tape.next();
    TokenPlay play = new TokenPlay(false, tape);
    try (SocketChannel there = SocketChannel.open(listener.getLocalAddress())) {
      CompletableFuture<Void> played = new CompletableFuture<>();
      Thread.ofVirtual()
          .start(
              () -> {
                try {
                  play(there, play, accepts, pieceBytes);
                  played.complete(null);
                } catch (IOException e) {
                  played.complete(null); // Refused, perhaps by a reset.
                } catch (Throwable t) {
                  played.completeExceptionally(t);
                }
              });
      boolean proved;
      try (SocketChannel here = listener.accept()) {
        proved = proves(here, accepts);
      }
      played.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
      require(
          proved == play.isRight(),
          () -> (proved ? "accepted what is wrong" : "refused what is right"));
    }
  }

  private boolean proves(SocketChannel here, boolean accepts) throws IOException {
    Link link = Link.plain(here);
    long deadline = System.nanoTime() + LIMIT.toNanos();
    try {
      if (accepts) {
        TokenLink.accept(link, tokens, LIMIT, deadline);
      } else {
        TokenLink.connect(link, tokens, deadline);
      }
    } catch (TokenRefusal | TransferException e) {
      requireText(String.valueOf(e.getMessage()));
      require(link.peer().names().isEmpty(), "a name was taken from who was refused");
      return false;
    } catch (IOException e) {
      return false; // It left.
    }
    require(link.peer().names().size() == 1, () -> "proved " + link.peer());
    return true;
  }

  private static void play(SocketChannel there, TokenPlay play, boolean accepts, int pieceBytes)
      throws IOException {
    there.socket().setSoTimeout((int) LIMIT.toMillis());
    InputStream in = there.socket().getInputStream();
    OutputStream out = there.socket().getOutputStream();
    if (accepts) {
      send(out, play.hello(), pieceBytes);
      if (!play.isRight()) {
        there.shutdownOutput();
      }
      byte[] challenge = in.readNBytes(play.answerBytes());
      if (challenge.length == play.answerBytes()) {
        send(out, play.proof(challenge), pieceBytes);
      }
    } else {
      byte[] _ = in.readNBytes(play.helloBytes());
      send(out, play.challenge(), pieceBytes);
      if (!play.isRight()) {
        there.shutdownOutput();
      }
      byte[] proof = in.readNBytes(play.proofBytes());
      if (proof.length == play.proofBytes()) {
        send(out, play.verdict(proof), pieceBytes);
      }
    }
    there.shutdownOutput();
    byte[] _ = in.readAllBytes();
  }

  private static void send(OutputStream out, byte[] bytes, int pieceBytes) throws IOException {
    for (int at = 0; at < bytes.length; at += pieceBytes) {
      out.write(bytes, at, Math.min(pieceBytes, bytes.length - at));
    }
  }

  @Override
  public void close() throws IOException {
    listener.close();
  }
}
