// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * One connection through a relay. Each direction has a thread, which reads some bytes, looks at the
 * parts that they belong to, and writes them to the other socket; or does what a fault says.
 *
 * <p>Each direction is followed twice: as its sender means it, which says where a fault strikes;
 * and as its receiver gets it, which says what changed bytes do.
 */
public final class Link {
  /** What a connection carries. */
  enum Kind {
    DATA,
    HANDSHAKE,
    /** Either of these, encrypted: no change of a byte may come to anything. */
    TLS,
    OPAQUE
  }

  private static final int PIECE_BYTES = 64 << 10;

  private final Socket client;
  private final Socket server;
  private final Valve valve;
  private final Trap trap;
  private final Kind kind;
  private final Predicate<Request> served;
  private final Runnable onEnd;
  private final Changes changes;

  /** Requests whose answers are awaited: as they were sent, and as they arrived. */
  private final Deque<Request> sent = new ArrayDeque<>();

  private final Deque<Request> arrived = new ArrayDeque<>();

  /** All requests since {@link #forget}. */
  private final List<Request> recent = new ArrayList<>();

  /** Everything has a checksum. */
  private boolean checked;

  /** The answers, as the initiator gets them. */
  private Optional<AnswerParser> answers = Optional.empty();

  private boolean recording;
  private boolean uncertain;
  private int running = 2;

  /**
   * @param served whether the target does a request
   * @param onEnd hears of its end, perhaps more than once
   */
  Link(
      Socket client,
      Socket server,
      Kind kind,
      Valve valve,
      Trap trap,
      Predicate<Request> served,
      Runnable onEnd) {
    this.client = client;
    this.server = server;
    this.kind = kind;
    this.valve = valve;
    this.trap = trap;
    this.served = served;
    this.onEnd = onEnd;
    this.changes = new Changes(client.getLocalPort());
  }

  void start() {
    Direction there;
    Direction back;
    switch (kind) {
      case DATA -> {
        there =
            new Direction(
                client,
                server,
                new RequestParser(this::isSent, _ -> true, (at, bytes, offset, count) -> {}),
                new RequestParser(this::hasArrived, served, this::written));
        AnswerParser got = new AnswerParser(() -> next(sent), this::read);
        answers = Optional.of(got);
        back =
            new Direction(
                server,
                client,
                new AnswerParser(() -> next(arrived), (at, bytes, offset, count) -> {}),
                got);
      }
      case HANDSHAKE -> {
        there =
            new Direction(
                client,
                server,
                new HandshakeParser(Part.ASKED_FRAME, Part.ASKED_TEXT),
                Parser.opaque());
        back =
            new Direction(
                server,
                client,
                new HandshakeParser(Part.SAID_FRAME, Part.SAID_TEXT),
                Parser.opaque());
      }
      case TLS -> {
        there = new Direction(client, server, new RecordParser(), Parser.opaque());
        back = new Direction(server, client, new RecordParser(), Parser.opaque());
      }
      default -> {
        there = new Direction(client, server, Parser.opaque(), Parser.opaque());
        back = new Direction(server, client, Parser.opaque(), Parser.opaque());
      }
    }
    var _ = Thread.ofVirtual().start(there::run);
    var _ = Thread.ofVirtual().start(back::run);
  }

  private synchronized void isSent(Request request) {
    sent.add(request);
    checked |= request.isChecked();
    if (uncertain) {
      changes.addUncertain(request);
    } else {
      recent.add(request);
    }
    answers.ifPresent(AnswerParser::asked);
  }

  /** Both directions look at the answers: bytes may come before the request that takes them. */
  private synchronized void take(Parser parser, byte[] bytes, int offset, int count) {
    parser.take(bytes, offset, count);
  }

  private synchronized void hasArrived(Request request) {
    arrived.add(request);
  }

  private synchronized @Nullable Request next(Deque<Request> requests) {
    return requests.poll();
  }

  private synchronized void written(long address, byte[] bytes, int offset, int count) {
    if (recording) {
      changes.addWritten(address, bytes, offset, count);
    }
  }

  private synchronized void read(long address, byte[] bytes, int offset, int count) {
    if (recording) {
      changes.addRead(address, bytes, offset, count);
    }
  }

  private synchronized void record(boolean on) {
    recording = on || uncertain;
  }

  /** From here on the two ends may mean different requests by the same bytes. */
  private synchronized void becomesUncertain() {
    uncertain = true;
    recording = true;
    recent.forEach(changes::addUncertain);
  }

  /** A bit of a part arrives inverted. */
  private synchronized void isFlipped(Part part) {
    if (checked) {
      changes.areNoticed();
    } else if (part == Part.HEADER || part == Part.TABLE) {
      becomesUncertain();
    }
  }

  /** Requests so far are no longer of interest. */
  synchronized void forget() {
    recent.clear();
  }

  /** Resets both ends. */
  public void reset() {
    for (Socket socket : List.of(client, server)) {
      try {
        socket.setSoLinger(true, 0);
      } catch (IOException e) {
        // Closed already.
      }
      close(socket);
    }
    onEnd.run(); // At once: whoever counts the connections must not count this one.
  }

  private static void close(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      // Then it was.
    }
  }

  private void ended() {
    boolean last;
    synchronized (this) {
      last = --running == 0;
    }
    if (last) {
      onEnd.run();
    }
  }

  /** The bytes from one socket to the other. */
  private final class Direction {
    private final Socket from;
    private final Socket to;
    private final Parser meant;
    private final Parser got;
    private Optional<Fault> fault = Optional.empty();
    private long strikeAt;
    private boolean muted;

    Direction(Socket from, Socket to, Parser meant, Parser got) {
      this.from = from;
      this.to = to;
      this.meant = meant;
      this.got = got;
    }

    void run() {
      byte[] piece = new byte[PIECE_BYTES];
      try {
        InputStream in = from.getInputStream();
        for (int read = in.read(piece); read > 0; read = in.read(piece)) {
          for (int done = 0; done < read; ) {
            int passed = valve.pass(read - done);
            carry(piece, done, passed);
            done += passed;
          }
        }
        awaitWriter(from);
        to.shutdownOutput();
        if (from.isOutputShutdown()) {
          close(from);
          close(to);
        }
      } catch (IOException e) {
        reset();
      } catch (InterruptedException e) {
        throw new AssertionError("Nobody knows this thread", e);
      } finally {
        ended();
      }
    }

    private void carry(byte[] bytes, int offset, int count)
        throws IOException, InterruptedException {
      int done = 0;
      while (done < count) {
        meant.prepare(bytes, offset + done, count - done);
        if (meant.taken() == 0 && fault.isEmpty()) {
          fault = trap.begins(meant.part());
          strikeAt = fault.map(found -> found.place().offset(meant.length())).orElse(0L);
        }
        int here = meant.within(count - done);
        long before = strikeAt - meant.taken();
        if (fault.isPresent() && before <= here) {
          pass(bytes, offset + done, (int) before);
          done += (int) before;
          Fault found = fault.get();
          fault = Optional.empty();
          done += strike(found, bytes, offset + done, count - done);
        } else {
          pass(bytes, offset + done, here);
          done += here;
        }
      }
    }

    private void pass(byte[] bytes, int offset, int count) throws IOException {
      if (count > 0) {
        meant.take(bytes, offset, count);
        deliver(bytes, offset, count);
      }
    }

    private void deliver(byte[] bytes, int offset, int count) throws IOException {
      if (muted) {
        return;
      }
      take(got, bytes, offset, count);
      OutputStream out = to.getOutputStream();
      // A reset is told to one call on a socket only; if that is a write, a read sees an orderly
      // end. So both sides are reset before the lock is given back that the reader takes behind an
      // end.
      synchronized (to) {
        try {
          out.write(bytes, offset, count);
        } catch (IOException e) {
          reset();
          throw e;
        }
      }
    }

    /** {@return how many of these bytes it has dealt with} */
    private int strike(Fault found, byte[] bytes, int offset, int count)
        throws IOException, InterruptedException {
      Part part = meant.part();
      int some = Math.min(found.amount(), count);
      Runnable deed = trap.strikes(changes);
      switch (found.act()) {
        case RESET -> {
          reset();
          throw new IOException("It is reset");
        }
        case CLOSE -> {
          to.shutdownOutput();
          from.shutdownOutput();
          close(from);
          close(to);
          throw new IOException("It is closed");
        }
        case TRUNCATE -> {
          to.shutdownOutput();
          muted = true;
        }
        case STALL -> trap.awaitEnd();
        case DELAY -> Thread.sleep(found.amount());
        case TRICKLE -> {
          to.setTcpNoDelay(true);
          for (int i = 0; i < some; i++) {
            pass(bytes, offset + i, 1);
          }
          return some;
        }
        case FLIP -> {
          return flip(part, found.amount(), bytes, offset, count);
        }
        case DUPLICATE -> {
          requireUncertain();
          pass(bytes, offset, some);
          deliver(bytes, offset, some);
          return some;
        }
        case DROP -> {
          requireUncertain();
          meant.take(bytes, offset, some);
          return some;
        }
        case DEED -> deed.run();
      }
      return 0;
    }

    private void requireUncertain() {
      if (kind == Kind.DATA) {
        becomesUncertain();
      }
    }

    private int flip(Part part, int bit, byte[] bytes, int offset, int count) throws IOException {
      if (count == 0) {
        return 0;
      }
      if (kind == Kind.DATA) {
        isFlipped(part);
      }
      meant.take(bytes, offset, 1);
      byte[] changed = {(byte) (bytes[offset] ^ (1 << (bit % Byte.SIZE)))};
      record(true);
      deliver(changed, 0, 1);
      record(false);
      return 1;
    }

    private void awaitWriter(Socket socket) throws IOException {
      synchronized (socket) {
        if (socket.isClosed()) {
          throw new IOException("It was reset");
        }
      }
    }
  }
}
