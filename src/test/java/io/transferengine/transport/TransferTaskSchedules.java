// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import static io.transferengine.testkit.Schedules.require;

import io.transferengine.metrics.FailureCause;
import io.transferengine.testkit.Schedules;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Lanes that claim and settle, and somebody who ends the transfer, under many schedules. */
@Tag("schedules")
@Timeout(120)
class TransferTaskSchedules {
  @SuppressWarnings("StaticAssignmentOfThrowable") // only ever looked at
  private static final TransferException WHY =
      new TransferException(ErrorCode.SOCKET, "test", "none");

  /** Two blocks apart: so two requests. */
  private static final BlockColumns BLOCKS =
      BlockColumns.of(
          new long[] {0x1000, 0x3000}, new long[] {0x10_1000, 0x10_3000}, new long[] {16, 16});

  /** What every scene checks: one end, after the last request. */
  private abstract static class Transfer extends Schedules.Scene implements TransferWork.Listener {
    final TransferTask task = new TransferTask(Operation.WRITE, BLOCKS, whole(0), whole(0), this);
    private final int[] out = new int[1];
    private int ends;
    @Nullable TransferState state;

    Transfer(int threads) {
      super(threads);
    }

    private static SeamFinder whole(long start) {
      return new SeamFinder(new long[] {start}, new long[] {start + (1L << 32)});
    }

    /** Claims one request; {@return whether there was one} */
    final boolean claim(long[] request) {
      int got =
          task.claim(
              (_, block, local, remote, length, _) -> {
                synchronized (out) {
                  out[0]++;
                }
                request[0] = block;
                request[1] = local;
                request[2] = remote;
                request[3] = length;
              },
              1,
              1 << 20,
              1 << 20);
      return got > 0;
    }

    final void settles() {
      synchronized (out) {
        out[0]--;
      }
    }

    /** A lane that completes what it gets. */
    final void lane() {
      long[] request = new long[4];
      while (claim(request)) {
        settles();
        task.completed(1, request[3]);
      }
    }

    @Override
    public final synchronized void taskEnded(
        TransferState ended, @Nullable TransferException why, @Nullable FailureCause cause) {
      synchronized (out) {
        require(out[0] == 0, "it ended while a request was out");
      }
      ends++;
      state = ended;
    }

    @Override
    protected void check() {
      require(ends == 1, "it ended " + ends + " times");
      require(task.isQuiet(), "a request is out");
    }
  }

  /** Two lanes; everything arrives. */
  private static final class TwoLanes extends Transfer {

    TwoLanes() {
      super(2);
    }

    @Override
    protected Schedules.Scene fresh() {
      return new TwoLanes();
    }

    @Override
    protected void first() {
      lane();
    }

    @Override
    protected void second() {
      lane();
    }

    @Override
    protected void check() {
      super.check();
      require(state == TransferState.COMPLETED && task.completedBytes() == 32, "bytes are lost");
    }
  }

  /** Two lanes, and somebody who cancels. */
  private static final class Canceled extends Transfer {

    Canceled() {
      super(3);
    }

    private void cancel() {
      task.end(TransferState.CANCELED, WHY, FailureCause.CANCELED);
    }

    @Override
    protected Schedules.Scene fresh() {
      return new Canceled();
    }

    @Override
    protected void first() {
      lane();
    }

    @Override
    protected void second() {
      lane();
    }

    @Override
    protected void third() {
      cancel();
    }

    @Override
    protected void check() {
      super.check();
      boolean all = task.completedBytes() == 32;
      require(state == (all ? TransferState.COMPLETED : TransferState.CANCELED), "ended " + state);
    }
  }

  /** One gives back, or fails; the other completes what it can get, again and again. */
  private static final class GivenBack extends Transfer {
    private boolean gaveBack;

    GivenBack() {
      super(2);
    }

    private void fickle() {
      long[] request = new long[4];
      while (claim(request)) {
        settles();
        if (gaveBack) {
          task.failed(WHY, FailureCause.OTHER);
        } else {
          gaveBack = true;
          task.giveBack((int) request[0], request[1], request[3]);
        }
      }
    }

    @Override
    protected Schedules.Scene fresh() {
      return new GivenBack();
    }

    @Override
    protected void first() {
      fickle();
    }

    @Override
    protected void second() {
      lane();
    }
  }

  @Test
  void twoLanesFinishIt() {
    Schedules.explore(1000, new TwoLanes());
  }

  @Test
  void aCancelEndsItOnceAndAfterItsRequests() {
    Schedules.explore(1500, new Canceled());
  }

  @Test
  void whatIsGivenBackIsDoneOrFailsIt() {
    Schedules.explore(1000, new GivenBack());
  }
}
