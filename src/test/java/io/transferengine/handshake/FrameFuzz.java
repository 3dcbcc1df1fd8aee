// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import static io.transferengine.fuzz.Oracle.require;
import static io.transferengine.fuzz.Oracle.requireRefusal;
import static io.transferengine.fuzz.Oracle.requireText;

import io.transferengine.fuzz.CutStream;
import io.transferengine.fuzz.FuzzTarget;
import io.transferengine.fuzz.Oracle;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.io.EOFException;
import java.io.IOException;
import java.util.Arrays;

/** A handshake frame, as an answer and as a request. */
public final class FrameFuzz implements FuzzTarget {
  private static final int LENGTH_MAX_BYTES = 1 << 20;

  /** The first step of a payload, Jackson's buffers, and a refusal with its stack. */
  private static final long HEAP_BYTES = 256 << 10;

  private interface Reading {
    HandshakeFrame read(CutStream in) throws IOException;
  }

  @Override
  public void run(byte[] input) throws IOException {
    requireSameInPieces(input, in -> FrameCodec.read(in, LENGTH_MAX_BYTES));
    requireSameInPieces(input, in -> FrameCodec.readRequest(in, LENGTH_MAX_BYTES, _ -> {}));
    CutStream in = CutStream.whole(input);
    HandshakeFrame frame;
    try {
      frame = FrameCodec.read(in, LENGTH_MAX_BYTES);
    } catch (EOFException | TransferException e) {
      return;
    }
    require(
        Arrays.equals(FrameCodec.encode(frame), Arrays.copyOf(input, in.taken())),
        "the frame that was read is not what is written, or another byte was taken");
  }

  private static void requireSameInPieces(byte[] input, Reading reading) throws IOException {
    // An announced length takes nothing: the memory grows by twice what has come.
    long heapBytes = HEAP_BYTES + 8L * input.length;
    String whole = Oracle.frugally(heapBytes, () -> read(CutStream.whole(input), reading));
    String cut = Oracle.frugally(heapBytes, () -> read(CutStream.cut(input), reading));
    require(whole.equals(cut), () -> "in one piece " + whole + ", cut " + cut);
  }

  private static String read(CutStream in, Reading reading) throws IOException {
    try {
      HandshakeFrame frame = reading.read(in);
      return frame.type() + " " + Arrays.hashCode(frame.payload()) + " up to " + in.taken();
    } catch (EOFException e) {
      requireText(String.valueOf(e.getMessage()));
      return "the end";
    } catch (TransferException e) {
      requireRefusal(e, ErrorCode.SOCKET, ErrorCode.MALFORMED_JSON, ErrorCode.JSON_TOO_LARGE);
      return e.code().toString();
    }
  }
}
