// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static io.transferengine.testkit.Schedules.require;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.FailureCause;
import io.transferengine.testkit.Steps;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.TransferTask;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The peer is found, the transfer ends, and somebody cancels, asks or gives it up: in every order
 * of the steps of {@link TransferHandle} with a few interruptions.
 */
@Timeout(120)
class TransferHandleStepsTest {
  private static final long ADDRESS = 0x1000;
  private static final int BYTES = 16;

  @SuppressWarnings("StaticAssignmentOfThrowable") // only ever looked at
  private static final TransferException WHY =
      new TransferException(ErrorCode.SOCKET, "test", "none");

  /** What every scene checks: one end, and the memory is let go once, after the last byte. */
  private abstract static class Sent extends Steps.Scene implements TransferHandle.Owner {
    final Region region = new RegionTable().register(ADDRESS, 4096, "*");
    final TransferHandle handle;
    final Wire wire = new Wire(this);
    final RemoteSegment peer = wire.segment("127.0.0.1:1");
    private final int[] count = new int[2];
    volatile @Nullable TransferState ended;

    Sent(int threads) {
      super(threads);
      require(region.acquire(), "it is in use from the start");
      handle =
          new TransferHandle(
              this,
              TransferRequest.of(
                  Operation.WRITE, "127.0.0.1:1", BlockColumns.of(ADDRESS, ADDRESS, BYTES)),
              region,
              Long.MAX_VALUE / 2,
              null,
              null);
    }

    @Override
    protected final Object lock() {
      return handle;
    }

    @Override
    public void resolve(TransferHandle same) {
      same.begin(peer, true);
    }

    @Override
    public void dropSegment(RemoteSegment failed, boolean outdated) {}

    @Override
    public void repeatsForStaleDescriptor() {}

    @Override
    public void ended(TransferHandle same, TransferState state, @Nullable FailureCause cause) {
      synchronized (count) {
        count[0]++;
      }
      ended = state;
    }

    @Override
    public void completeLater(TransferHandle same, CompletableFuture<Void> future) {
      same.complete(future);
    }

    @Override
    public void settledLate(TransferHandle same) {
      synchronized (count) {
        count[1]++;
      }
    }

    /** The peer has moved the bytes. */
    final void settleRequest() {
      Objects.requireNonNull(wire.held).completed(1, BYTES);
    }

    final void giveUp() {
      if (handle.abandon()) {
        handle.finish(TransferState.FAILED, WHY, FailureCause.OTHER);
      }
    }

    final int settledLate() {
      return count[1];
    }

    @Override
    protected void check() {
      require(count[0] == 1, "it ended " + count[0] + " times");
      require(handle.state() == ended, "its state is " + handle.state() + ", told was " + ended);
      require(region.inFlight() == 0, "its memory is in use still");
      require(
          handle.report().duration().toNanos() == handle.tookNanos(),
          "its stages add up to something else than its duration");
    }
  }

  /** Moves what it gets, at once; or says first that what it knows of the peer is old; or waits. */
  private static final class Wire extends HeldTransport {
    private final Sent sent;
    volatile boolean isStale;
    volatile boolean isSlow;
    volatile @Nullable TransferTask held;

    Wire(Sent sent) {
      this.sent = sent;
    }

    @Override
    public void submit(PeerAddress to, TransferTask task) {
      if (isStale) {
        isStale = false;
        task.end(TransferState.FAILED, WHY, FailureCause.STALE_DESCRIPTOR);
        return;
      }
      int requests = task.claim((_, _, _, _, _, _) -> {}, 1, BYTES, BYTES);
      if (isSlow) {
        held = task;
      } else if (requests > 0) {
        Steps.point();
        require(sent.region.inFlight() > 0, "it moves memory that was let go");
        task.completed(requests, BYTES);
      }
    }
  }

  /** The peer is found while somebody cancels. */
  private static final class FoundAndCanceled extends Sent {
    FoundAndCanceled() {
      super(2);
    }

    @Override
    protected void first() {
      handle.begin(peer, false);
    }

    @Override
    protected void second() {
      boolean _ = handle.cancel();
    }
  }

  /** It has to be repeated, meanwhile. */
  private abstract static class Repeated extends Sent {
    Repeated() {
      super(2);
      wire.isStale = true;
    }

    @Override
    protected final void first() {
      handle.begin(peer, true);
    }
  }

  /** It has to be repeated while somebody cancels. */
  private static final class RepeatedAndCanceled extends Repeated {
    @Override
    protected void second() {
      boolean _ = handle.cancel();
    }
  }

  /** It ends while one asks for the future, and another for an action. */
  private static final class EndedAndAwaited extends Sent implements Runnable {
    private @Nullable CompletableFuture<Void> future;
    private int told;

    EndedAndAwaited() {
      super(3);
    }

    @Override
    public void run() {
      told++;
    }

    @Override
    protected void first() {
      handle.finish(TransferState.COMPLETED, null, null);
    }

    @Override
    protected void second() {
      future = handle.toCompletableFuture();
    }

    @Override
    protected void third() {
      handle.whenOver(this);
    }

    @Override
    protected void check() {
      super.check();
      require(future != null && future.isDone(), "the future is not done");
      require(told == 1, "the action ran " + told + " times");
    }
  }

  /** Its last request is settled while it is given up by force. */
  private static final class SettledAndAbandoned extends Sent {
    private boolean abandoned;
    private volatile boolean settling;

    SettledAndAbandoned() {
      super(2);
      wire.isSlow = true;
      handle.begin(peer, false);
    }

    @Override
    protected void first() {
      settling = true;
      settleRequest();
    }

    @Override
    protected void second() {
      abandoned = handle.abandon();
      if (abandoned) {
        handle.finish(TransferState.FAILED, WHY, FailureCause.OTHER);
        boolean inUse = region.inFlight() > 0;
        require(inUse || settling, "its memory is let go while the peer has its request");
      }
    }

    @Override
    protected void check() {
      super.check();
      require(settledLate() == (abandoned ? 1 : 0), "what was settled late is counted wrongly");
    }
  }

  /** Who sees the end finds it accounted for, and the memory free. */
  private static final class Seen extends Sent {
    Seen() {
      super(2);
      wire.isSlow = true;
      handle.begin(peer, false);
    }

    @Override
    protected void first() {
      settleRequest();
    }

    @Override
    protected void second() {
      if (handle.state().isTerminal()) {
        require(ended != null, "its end is seen before it is counted");
        require(region.inFlight() == 0, "its end is seen before its memory is let go");
      }
    }
  }

  /** Two cancel it, one more gives it up, and the peer still has its request. */
  private static final class CanceledAndAbandoned extends Sent {
    CanceledAndAbandoned() {
      super(3);
      wire.isSlow = true;
      handle.begin(peer, false);
    }

    @Override
    protected void first() {
      boolean _ = handle.cancel();
      settleRequest();
    }

    @Override
    protected void second() {
      boolean _ = handle.cancel();
    }

    @Override
    protected void third() {
      giveUp();
    }
  }

  /** It has to be repeated while somebody gives it up: its memory is let go all the same. */
  private static class RepeatedAndAbandoned extends Repeated {
    @Override
    protected void second() {
      giveUp();
    }
  }

  /** The same, canceled when its work has ended: both threads may let the memory go at once. */
  private static final class CanceledRepeatedAndAbandoned extends RepeatedAndAbandoned {
    @Override
    public void dropSegment(RemoteSegment failed, boolean outdated) {
      boolean _ = handle.cancel();
    }
  }

  private static void explore(int interruptions, Class<? extends Sent> scene) {
    int orders = Steps.explore(interruptions, scene, TransferHandle.class);
    System.out.println(scene.getSimpleName() + ": " + orders + " orders");
    assertThat(orders).isGreaterThan(20);
  }

  @Test
  void aCancelWhileThePeerIsFoundEndsItAndMovesNothingLater() {
    explore(3, FoundAndCanceled.class);
  }

  @Test
  void aCancelWhileItIsRepeatedIsNotLost() {
    explore(2, RepeatedAndCanceled.class);
  }

  @Test
  void whoAsksAtItsEndIsTold() {
    explore(2, EndedAndAwaited.class);
  }

  @Test
  void whoSeesItsEndFindsItAccountedFor() {
    explore(3, Seen.class);
  }

  @Test
  void whatIsGivenUpAtItsEndLetsItsMemoryGoOnce() {
    explore(3, SettledAndAbandoned.class);
  }

  @Test
  void whatIsCanceledAndGivenUpEndsOnce() {
    explore(2, CanceledAndAbandoned.class);
  }

  @Test
  void whatIsGivenUpWhileItIsRepeatedLetsItsMemoryGo() {
    explore(2, RepeatedAndAbandoned.class);
  }

  @Test
  void whatIsCanceledWhileItIsRepeatedLetsItsMemoryGoOnce() {
    explore(3, CanceledRepeatedAndAbandoned.class);
  }
}
