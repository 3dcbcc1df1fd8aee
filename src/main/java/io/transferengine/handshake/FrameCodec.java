// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import io.transferengine.tls.PeerToken;
import io.transferengine.tls.TlsCauses;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.JsonLimits;
import io.transferengine.wire.MetadataCodec;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Reads and writes the frame of protocol section 5.1, which is the same in both directions: the
 * length (1 + payload) as 8 little-endian bytes, one type byte, the payload. Peers before v0.3.0
 * leave the type byte out; their payload starts with <code>{</code>. Stateless and thread-safe.
 */
public final class FrameCodec {
  /** The longest frame that we read by default: 16 times what C++ reads (1 MiB). */
  public static final int MAX_LENGTH_DEFAULT_BYTES = 16 << 20;

  /** The longest frame that C++ reads by default. */
  public static final int CPP_MAX_LENGTH_DEFAULT_BYTES = 1 << 20;

  /** The lowest limit that a reader may have. Any message without buffers fits. */
  public static final int MAX_LENGTH_FLOOR_BYTES = 1024;

  /** The highest value of {@code MC_HANDSHAKE_MAX_LENGTH}. */
  public static final int MAX_LENGTH_CEILING_BYTES = JsonLimits.DOCUMENT_LENGTH_MAX_BYTES;

  /**
   * The first step of the memory for a payload. The memory grows as bytes arrive, so that a mere
   * announced length takes none.
   */
  static final int FIRST_STEP_BYTES = 8 << 10;

  /** The text of the EOFException if not even the first byte came. */
  static final String NOTHING_SENT = "the connection was closed without a handshake frame";

  /** Stands for the descriptor of a C++ engine that speaks only TCP. */
  static final byte[] CPP_OVER_TCP = {'t', 'c', 'p'};

  private static final byte[] NOTHING = {};

  private static final String HEADER = "its header";
  private static final int LENGTH_BYTES = Long.BYTES;
  private static final byte OLD_PROTOCOL_START = '{';

  /**
   * The types of the TLS records that a connection may begin with, and their first version byte.
   */
  private static final byte TLS_ALERT = 0x15;

  private static final byte TLS_HANDSHAKE = 0x16;
  private static final byte TLS_VERSION = 3;

  private FrameCodec() {}

  static void requireMaxLength(int maxLengthBytes) {
    if (maxLengthBytes < MAX_LENGTH_FLOOR_BYTES || maxLengthBytes > MAX_LENGTH_CEILING_BYTES) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "the longest handshake frame cannot be " + maxLengthBytes + " bytes",
          "Give " + MAX_LENGTH_FLOOR_BYTES + " to " + MAX_LENGTH_CEILING_BYTES);
    }
  }

  /** {@return the bytes of {@code frame} on the wire} */
  public static byte[] encode(HandshakeFrame frame) {
    boolean typed = frame.type() != MessageType.OLD_PROTOCOL;
    int length = frame.payload().length + (typed ? 1 : 0);
    ByteBuffer out = ByteBuffer.allocate(LENGTH_BYTES + length).order(ByteOrder.LITTLE_ENDIAN);
    out.putLong(length);
    if (typed) {
      out.put((byte) frame.type().wireValue());
    }
    return out.put(frame.payload()).array();
  }

  /**
   * Reads one frame, and not a byte more.
   *
   * @param maxLengthBytes the highest length field that is accepted
   * @throws EOFException if the stream ends inside the frame; its text says where
   * @throws IOException from the stream
   * @throws TransferException SOCKET if the length or the type is not valid
   */
  public static HandshakeFrame read(InputStream in, int maxLengthBytes) throws IOException {
    Start start = Start.read(in, maxLengthBytes);
    return start.frame(readPayload(in, start, bytes -> {}));
  }

  /**
   * Reads a request. The payload of Metadata and Probe is checked as it comes and not kept: the
   * frame has an empty payload, or {@link #CPP_OVER_TCP}.
   *
   * @param policy reserves the memory for the payload of any other type
   */
  static HandshakeFrame readRequest(InputStream in, int maxLengthBytes, PayloadPolicy policy)
      throws IOException {
    Start start = Start.read(in, maxLengthBytes);
    return switch (start.type) {
      case METADATA -> {
        boolean tcpOnly = MetadataCodec.isOfCppOverTcp(new PayloadInput(in, start.restBytes));
        yield new HandshakeFrame(start.type, tcpOnly ? CPP_OVER_TCP : NOTHING);
      }
      case PROBE -> {
        MetadataCodec.requireWellFormed(new PayloadInput(in, start.restBytes));
        yield start.frame(NOTHING);
      }
      case NOTIFY, CONNECTION, OLD_PROTOCOL -> start.frame(readPayload(in, start, policy));
      case TOKEN -> throw new TransferException(ErrorCode.SOCKET, PeerToken.NOT_WANTED, "");
    };
  }

  /** Reserves memory for a payload while it is read. */
  interface PayloadPolicy {
    /**
     * Reserves {@code bytes} more; throws if there is no room. The first few kilobytes of a payload
     * are not reserved.
     */
    void reserve(int bytes);
  }

  /** The part before the payload. */
  private record Start(MessageType type, int restBytes) {
    HandshakeFrame frame(byte[] payload) {
      return new HandshakeFrame(type, payload);
    }

    static Start read(InputStream in, int maxLengthBytes) throws IOException {
      byte[] header = new byte[LENGTH_BYTES + 1];
      try {
        readFully(in, header, 0, LENGTH_BYTES, HEADER);
      } catch (EOFException e) {
        // A TLS alert is shorter than a header.
        requireNoTls(header);
        throw e;
      }
      requireNoTls(header);
      long length = ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN).getLong();
      if (length < 1 || length > maxLengthBytes) {
        throw new TransferException(
            ErrorCode.SOCKET,
            "a handshake frame announces "
                + Long.toUnsignedString(length)
                + " bytes; 1 to "
                + maxLengthBytes
                + " are accepted",
            "If the peer really has that many buffers, raise MC_HANDSHAKE_MAX_LENGTH here");
      }
      readFully(in, header, LENGTH_BYTES, LENGTH_BYTES + 1, HEADER);
      return new Start(typeOf(header[LENGTH_BYTES]), (int) length - 1);
    }
  }

  /** No length begins like this: it would be of terabytes. */
  static void requireNoTls(byte[] header) {
    boolean tls = header[1] == TLS_VERSION && (header[4] | header[5]) != 0;
    if (tls && header[0] == TLS_HANDSHAKE) {
      throw new TransferException(
          ErrorCode.SOCKET,
          "it speaks TLS, and TE_TLS is off here",
          "Set TE_TLS to the same value on both sides, or list this engine's address in the"
              + " peer's TE_TLS_PLAIN_PEERS");
    }
    if (tls && header[0] == TLS_ALERT) {
      throw new TransferException(ErrorCode.SOCKET, TlsCauses.wanted(), TlsCauses.wantedRemedy());
    }
  }

  /** {@return whether a peer's frame could not be read because the peer wants TLS} */
  static boolean isOfTls(TransferException failure) {
    return String.valueOf(failure.getMessage()).contains(TlsCauses.wanted());
  }

  private static MessageType typeOf(byte first) {
    return switch (first) {
      case 0 -> MessageType.CONNECTION;
      case 1 -> MessageType.METADATA;
      case 2 -> MessageType.NOTIFY;
      case 3 -> MessageType.PROBE;
      case 4 -> MessageType.TOKEN;
      case OLD_PROTOCOL_START -> MessageType.OLD_PROTOCOL;
      default ->
          throw new TransferException(
              ErrorCode.SOCKET,
              "unknown handshake message type 0x%02x".formatted(first & 0xff),
              "The peer is newer than this engine, or is not a transfer engine");
    };
  }

  private static byte[] readPayload(InputStream in, Start start, PayloadPolicy policy)
      throws IOException {
    byte[] read =
        start.type == MessageType.OLD_PROTOCOL ? new byte[] {OLD_PROTOCOL_START} : new byte[0];
    int total = read.length + start.restBytes;
    int filled = read.length;
    int step = Math.min(total, FIRST_STEP_BYTES);
    byte[] payload = Arrays.copyOf(read, step);
    while (true) {
      readFully(in, payload, filled, payload.length, "a payload of " + total + " bytes");
      filled = payload.length;
      if (filled == total) {
        return payload;
      }
      int next = (int) Math.min(total, 2L * filled);
      policy.reserve(next - filled);
      payload = Arrays.copyOf(payload, next);
    }
  }

  /** The payload of one frame, and not a byte more. It is an error if the stream ends inside it. */
  private static final class PayloadInput extends InputStream {
    private final InputStream in;
    private final int total;
    private int left;

    PayloadInput(InputStream in, int total) {
      this.in = in;
      this.total = total;
      left = total;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] to, int offset, int length) throws IOException {
      if (left == 0) {
        return -1;
      }
      int count = in.read(to, offset, Math.min(length, left));
      if (count < 0) {
        throw endedInside(total - left, "a payload of " + total + " bytes");
      }
      left -= count;
      return count;
    }

    /** The bytes that are left of the frame, so that a caller can skip them. */
    @Override
    public int available() {
      return left;
    }
  }

  private static EOFException endedInside(int filled, String what) {
    return new EOFException(
        "the connection was closed inside a handshake frame, after "
            + filled
            + " bytes of "
            + what);
  }

  private static void readFully(InputStream in, byte[] to, int from, int end, String what)
      throws IOException {
    int filled = from;
    while (filled < end) {
      int count = in.read(to, filled, end - filled);
      if (count < 0) {
        throw filled == 0 && what.equals(HEADER)
            ? new EOFException(NOTHING_SENT)
            : endedInside(filled, what);
      }
      filled += count;
    }
  }
}
