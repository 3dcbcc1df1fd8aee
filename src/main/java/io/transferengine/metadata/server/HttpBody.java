// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.regex.Pattern;

/**
 * The body of a request, of a known length or in chunks. Nothing behind it is read. Extensions of
 * chunks and trailers are dropped. For one thread.
 */
final class HttpBody extends InputStream {
  /** A body that nobody wanted, up to this length, is read to keep the connection. */
  static final int DROPPED_BYTES_MAX = 64 << 10;

  /** They need no room of others. */
  private static final int LINES_BYTES_MAX = HttpHead.FREE_BYTES - 1;

  private static final Pattern CHUNK = Pattern.compile("([0-9a-fA-F]{1,8})[ \t]*(;.*)?");

  private final InputStream in;
  private final boolean chunked;
  private final boolean isExpecting;

  /** Gives the client leave to send it; done before it is read first. */
  private final Leave leave;

  private boolean isBegun;
  private boolean isOver;

  /** Of the body, or of the chunk. */
  private long left;

  /** What is said before the first byte is waited for. */
  interface Leave {
    void give() throws IOException;
  }

  /** The body behind a head, of which nothing is read yet. */
  HttpBody(InputStream in, HttpHead head, Leave leave) {
    this.in = in;
    this.leave = leave;
    isExpecting = head.isExpecting();
    chunked = head.isChunked();
    left = Math.max(0, head.length());
    isOver = head.length() == 0;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] to, int offset, int count) throws IOException {
    if (count == 0) {
      return 0;
    }
    if (!isOver && !isBegun) {
      isBegun = true;
      if (isExpecting) {
        leave.give();
      }
      nextChunk(true);
    }
    if (isOver) {
      return -1;
    }
    int read = in.read(to, offset, (int) Math.min(count, left));
    if (read < 0) {
      throw new EOFException("the connection ends inside of a body");
    }
    left -= read;
    if (left == 0) {
      nextChunk(false);
    }
    return read;
  }

  private void nextChunk(boolean first) throws IOException {
    if (!chunked) {
      isOver = left == 0;
      return;
    }
    try {
      HttpHead.Lines lines = new HttpHead.Lines(in, LINES_BYTES_MAX, _ -> {});
      if (!first && !line(lines).isEmpty()) {
        throw new IOException("a chunk has another length than it says");
      }
      var matcher = CHUNK.matcher(line(lines));
      if (!matcher.matches()) {
        throw new IOException("a chunk without a length");
      }
      left = Long.parseLong(matcher.group(1), 16);
      if (left == 0) {
        isOver = true;
        while (!line(lines).isEmpty()) {
          // A trailer.
        }
      }
    } catch (HttpRefusal e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  private static String line(HttpHead.Lines lines) throws IOException, HttpRefusal {
    String line = lines.next();
    if (line == null) {
      throw new EOFException("the connection ends inside of a body");
    }
    return line;
  }

  /** {@return whether {@link #drop} would leave the connection at the next request, soon} */
  boolean isShort() {
    if (isOver) {
      return true;
    }
    // A client that was not asked for it may send it or not: nobody knows what comes next.
    return !chunked && left <= DROPPED_BYTES_MAX && (isBegun || !isExpecting);
  }

  /** Reads what is left of it. */
  void drop() throws IOException {
    byte[] dropped = new byte[4096];
    while (!isOver) {
      int _ = read(dropped, 0, dropped.length);
    }
  }
}
