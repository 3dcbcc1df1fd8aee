// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static io.transferengine.fuzz.Oracle.require;
import static io.transferengine.fuzz.Oracle.requireText;

import io.transferengine.fuzz.FuzzTarget;
import io.transferengine.fuzz.Tape;
import io.transferengine.fuzz.TokenPlay;
import io.transferengine.tls.PeerToken;
import io.transferengine.tls.TokenRefusal;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;

/**
 * The exchange of tokens on the data port, either side of it. A target writes for its peer, and a
 * lane asks its target, if, and only if, the other side has said and proved what it has to.
 */
public final class TokenGateFuzz implements FuzzTarget {
  private static final int BYTES = 64;
  private static final byte MARK = 0x5a;
  private static final long LIMIT_MILLIS = 600_000;
  private static final int LIMIT_SECONDS = 600;

  private final PeerToken tokens = TokenPlay.tokens();
  private final Arena arena = Arena.ofShared();
  private final MemorySegment local = arena.allocate(BYTES, BYTES);

  @Override
  public void run(byte[] input) {
    Tape tape = new Tape(input);
    boolean accepts = (tape.next() & 1) == 0;
    int pieceBytes = 1 + tape.next();
    TokenPlay play = new TokenPlay(true, tape);
    boolean opened = accepts ? isServed(play, pieceBytes) : isAsked(play, pieceBytes);
    // What follows the last message is refused if it comes with it.
    if (!(play.isRight() && play.isLonger())) {
      require(
          opened == play.isRight(),
          () -> (opened ? "accepted what is wrong" : "refused what is right"));
    }
  }

  private boolean isServed(TokenPlay play, int pieceBytes) {
    try (FedTarget target = new FedTarget(BYTES)) {
      TokenDoor door = new TokenDoor(target.connection, tokens, LIMIT_SECONDS);
      target.channel.pipeline().addFirst(door);
      door.channelActive(target.channel.pipeline().context(door));
      feed(target, play.hello(), pieceBytes);
      byte[] challenge = target.answers();
      if (challenge.length == play.answerBytes()) {
        feed(target, play.proof(challenge), pieceBytes);
        byte[] verdict = target.answers();
        require(
            !play.isRight() || play.isLonger() || verdict.length == play.answerBytes(),
            () -> "a verdict of " + verdict.length + " bytes");
      }
      feed(target, write(target.address()), pieceBytes);
      target.channel.runPendingTasks();
      boolean written = target.memory.get(ValueLayout.JAVA_BYTE, 0) == MARK;
      return written;
    }
  }

  private static void feed(FedTarget target, byte[] bytes, int pieceBytes) {
    for (int at = 0; at < bytes.length && target.channel.isOpen(); at += pieceBytes) {
      int _ = target.feed(Arrays.copyOfRange(bytes, at, Math.min(bytes.length, at + pieceBytes)));
    }
  }

  private static byte[] write(long address) {
    byte[] request = new byte[Frames.HEADER_BYTES + BYTES];
    Arrays.fill(request, MARK);
    ByteBuffer.wrap(request)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(BYTES)
        .putLong(address)
        .putLong(0x81);
    return request;
  }

  private boolean isAsked(TokenPlay play, int pieceBytes) {
    WireForm form = new WireForm(true, false, false, OptionalLong.empty());
    FedLane.Work work =
        new FedLane.Work(
            Operation.WRITE,
            BlockColumns.of(
                new long[] {local.address()}, new long[] {0x7f5a_0000_0000L}, new long[] {BYTES}));
    List<Throwable> refused = new ArrayList<>();
    boolean asked;
    try (FedLane lane = new FedLane(form)) {
      TokenKnock knock = new TokenKnock(lane.connection, tokens, LIMIT_MILLIS, refused::add);
      lane.channel.pipeline().addFirst(knock);
      knock.channelActive(lane.channel.pipeline().context(knock));
      lane.submit(work);
      byte[] hello = lane.channel.written();
      require(hello.length == play.helloBytes(), () -> "a hello of " + hello.length + " bytes");
      feed(lane, play.challenge(), pieceBytes);
      byte[] proof = lane.channel.written();
      if (proof.length == play.proofBytes()) {
        feed(lane, play.verdict(proof), pieceBytes);
      } else {
        require(!play.isRight(), () -> "a proof of " + proof.length + " bytes");
      }
      lane.channel.runPendingTasks();
      byte[] request = lane.channel.written();
      if (refused.isEmpty() && lane.channel.pipeline().get(TokenKnock.class) != null) {
        // What is still awaited never comes.
        lane.channel.pipeline().fireChannelInactive();
      }
      asked = refused.isEmpty();
      require(
          asked ? request.length > 0 || play.isLonger() : request.length == 0,
          () -> "a request of " + request.length + " bytes, and refused " + refused);
      boolean _ = lane.end();
    }
    require(refused.size() <= 1, () -> "refused " + refused);
    for (Throwable each : refused) {
      if (each instanceof TokenRefusal) {
        requireText(String.valueOf(each.getMessage()));
      }
    }
    require(work.ends.size() == 1, () -> work.task.describe() + " was told " + work.ends);
    return asked;
  }

  private static void feed(FedLane lane, byte[] bytes, int pieceBytes) {
    for (int at = 0; at < bytes.length && lane.channel.isOpen(); at += pieceBytes) {
      lane.feed(Arrays.copyOfRange(bytes, at, Math.min(bytes.length, at + pieceBytes)));
    }
  }

  @Override
  public void close() {
    arena.close();
  }
}
