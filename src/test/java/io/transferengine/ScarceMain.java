// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.testkit.Mapped;
import io.transferengine.testkit.Pattern;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A facade in a JVM with little memory. Calls each of its methods again and again, with a little
 * more memory left each time, so that it runs out at each step of them. Ends with 1 when anything
 * but a status came out of one, or when bytes are not where a status said that they are.
 *
 * <p>Arguments: the segment of the peer and a place of {@link #BYTES} bytes there.
 */
final class ScarceMain {
  static final int BYTES = 1 << 20;
  static final int SMALL = 100;

  /** Says to the peer that memory is scarce from now on; the text is our segment and a place. */
  static final String SCARCE = "scarce";

  /** Says that there is enough again. */
  static final String AMPLE = "ample";

  /** More than this process may have at all. */
  private static final long TOO_MUCH = 16L << 30;

  private final TransferEngine engine = new TransferEngine();
  private final Mapped mine = Mapped.of(2 * BYTES);
  private final Mapped spare = Mapped.of(1 << 16);
  private final Mapped theirs = Mapped.of(BYTES);
  private final String peer;
  private final long remote;
  private final List<Call> calls = new ArrayList<>();
  private final List<Object> held = new ArrayList<>(1 << 16);
  private @Nullable Object crumbs;
  private long block;
  private boolean registered;
  private int refused;
  private @Nullable String wrong;
  private @Nullable Throwable thrown;

  private ScarceMain(String peer, long remote) {
    this.peer = peer;
    this.remote = remote;
  }

  /** A method of the facade; all of it is made before memory is scarce. */
  private record Call(String name, Attempt attempt) {}

  private interface Attempt {
    /** {@return whether the status says that it was done} */
    boolean done();
  }

  public static void main(String[] arguments) {
    ScarceMain main = new ScarceMain(arguments[0], Long.parseLong(arguments[1]));
    main.run();
    System.exit(main.wrong == null ? 0 : 1);
  }

  private void run() {
    addCalls();
    // Loads what is loaded once, the texts of what fails among it: that takes memory of the JVM's.
    for (Call call : calls) {
      require(!call.attempt.done() || call.name.equals("notifies"), call.name + " without engine");
    }
    require(engine.transferCheckStatus(1) < 0, "status without engine");
    require(engine.freeManagedBuffer(1, 1) < 0, "free without engine");
    require(engine.unregisterMemory(1) < 0, "unregister without engine");
    require(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "") == 0, "initialize");
    require(engine.registerMemory(mine.address(), 2 * BYTES) == 0, "register");
    require(engine.registerMemory(theirs.address(), BYTES) == 0, "register for the peer");
    // Here too: a class whose start failed for want of memory stays failed.
    all("with enough");
    require(engine.allocateManagedBuffer(TOO_MUCH) == 0, "too much");
    require(engine.transferSyncWrite(peer, 1, remote, 1) != 0, "not registered");
    String self = "127.0.0.1:" + engine.getRpcPort();
    require(engine.sendNotify(peer, SCARCE, self + " " + theirs.address()) == 0, "sendNotify");
    direct();
    heap();
    System.out.println("refused " + refused + " calls");
    all("with enough again");
    require(engine.sendNotify(peer, AMPLE, "") == 0, "sendNotify");
    while (engine.getNotifies().isEmpty()) {
      // The peer has a last look at us; who started this process ends it.
      Thread.onSpinWait();
    }
    engine.close();
  }

  private void require(boolean condition, String what) {
    if (!condition && wrong == null) {
      wrong = what;
      System.out.println("WRONG: " + what);
    }
  }

  private void addCalls() {
    for (int length : new int[] {SMALL, BYTES}) {
      calls.add(new Call("write", () -> write(length)));
      calls.add(new Call("read", () -> read(length)));
      calls.add(new Call("batch", () -> batch(length)));
      calls.add(
          new Call(
              "allocate",
              () -> {
                if (block == 0) {
                  block = engine.allocateManagedBuffer(length);
                }
                boolean freed = block != 0 && engine.freeManagedBuffer(block, length) == 0;
                block = freed ? 0 : block;
                return freed;
              }));
    }
    calls.add(
        new Call(
            "register",
            () -> {
              registered = registered || engine.registerMemory(spare.address(), 1 << 16) == 0;
              boolean ended = registered && engine.unregisterMemory(spare.address()) == 0;
              registered = registered && !ended;
              return ended;
            }));
    calls.add(new Call("bytes", () -> engine.readBytesFromBuffer(mine.address(), 5000).length > 0));
    calls.add(new Call("notify", () -> engine.sendNotify(peer, "a", "b") == 0));
    calls.add(new Call("probe", () -> engine.sendProbe(peer) == 0));
    calls.add(new Call("notifies", () -> engine.getNotifies() != null));
    calls.add(new Call("topology", () -> !engine.getLocalTopology().isEmpty()));
    calls.add(new Call("first", () -> engine.getFirstBufferAddress(peer) != 0));
  }

  private boolean write(int length) {
    return engine.transferSyncWrite(peer, mine.address(), remote, length) == 0;
  }

  private boolean read(int length) {
    return engine.transferSyncRead(peer, mine.address() + BYTES, remote, length) == 0;
  }

  private boolean batch(int length) {
    long id = engine.transferSubmitRead(peer, mine.address() + BYTES, remote, length);
    int status = 0;
    while (id > 0 && status == 0) {
      status = engine.transferCheckStatus(id);
    }
    return status == 1;
  }

  /** Everything works, and bytes go where they should. */
  private void all(String when) {
    for (int length : new int[] {SMALL, BYTES}) {
      MemorySegment out = Mapped.at(mine.address(), length);
      MemorySegment in = Mapped.at(mine.address() + BYTES, length);
      Pattern.fill(out, length, 0);
      in.fill((byte) 0);
      require(write(length), "write of " + length + " " + when);
      require(read(length), "read of " + length + " " + when);
      require(in.mismatch(out) == -1, "bytes of " + length + " " + when);
    }
    for (Call call : calls) {
      require(call.attempt.done(), call.name + " " + when);
    }
  }

  /** All that may lie outside of the heap is taken. */
  private void direct() {
    for (int piece = 1 << 20; piece >= 1 << 10; piece >>= 5) {
      try {
        while (true) {
          held.add(ByteBuffer.allocateDirect(piece));
        }
      } catch (OutOfMemoryError full) {
        // As it should be.
      }
    }
    for (int i = 0; i < calls.size() && thrown == null; i++) {
      boolean _ = attempt(calls.get(i));
    }
    held.clear();
    require(thrown == null, "without direct memory: " + thrown);
  }

  /** The heap is full at first; then a piece of it is given back for each attempt. */
  private void heap() {
    for (int i = 0; i < calls.size() && wrong == null; i++) {
      Call call = calls.get(i);
      fill();
      boolean done = attempt(call);
      crumbs = null;
      int attempts = 1;
      for (int back = 1; !done && thrown == null && !held.isEmpty(); back *= 2) {
        done = attempt(call);
        attempts++;
        for (int piece = 0; piece < back && !held.isEmpty(); piece++) {
          held.removeLast();
        }
      }
      held.clear();
      System.out.println(call.name + ": " + attempts + " attempts");
      Throwable failure = thrown;
      if (failure != null) {
        failure.printStackTrace(System.out);
        require(false, call.name + " threw " + failure);
      }
      require(done || call.attempt.done(), call.name + " after the heap was full");
    }
  }

  private void fill() {
    for (int piece = 1 << 16; piece >= 1 << 10; piece >>= 3) {
      try {
        while (true) {
          held.add(new byte[piece]);
        }
      } catch (OutOfMemoryError full) {
        // As it should be.
      }
    }
    try {
      while (true) {
        crumbs = new Object[] {crumbs};
      }
    } catch (OutOfMemoryError full) {
      // Nor is there room for the smallest thing.
    }
  }

  private boolean attempt(Call call) {
    try {
      boolean done = call.attempt.done();
      if (!done) {
        refused++;
      }
      return done;
    } catch (Throwable t) {
      thrown = t;
      return false;
    }
  }
}
