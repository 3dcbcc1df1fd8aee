// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.access.AccessRights;
import io.transferengine.device.Device;
import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerBuffers;
import io.transferengine.transport.TransferTask;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** The rounds of a staged task and their ends, with neither a device nor a network. */
class StagedTaskTest implements StagedTask.Staging {
  /** More than one round has room for. */
  private static final int BLOCKS = 10_000;

  private static final long LOCAL = 0x100_0000;
  private static final long REMOTE = 0x900_0000;
  private final TransferException failure =
      new TransferException(ErrorCode.SOCKET, "for the test", "");

  private final PeerBuffers buffers = new PeerBuffers(List.of());
  private final List<TransferTask> inner = new ArrayList<>();
  private int slots;
  private @Nullable Error lack;
  private @Nullable TransferState state;
  private @Nullable FailureCause cause;

  @Override
  public int roundsLimit() {
    return 4;
  }

  @Override
  public long takeFor(StagedTask task) {
    Error thrown = lack;
    if (thrown != null && slots > 0) {
      throw thrown;
    }
    return ++slots;
  }

  @Override
  public void giveBack(long slot) {
    slots--;
  }

  @Override
  public Device device(Region region) {
    throw new AssertionError("all of it is host memory");
  }

  private TransferTask begin() {
    Region region =
        new RegionTable()
            .registerAll(new long[] {LOCAL}, new long[] {1 << 20}, "*", AccessRights.READ_WRITE)
            .getFirst();
    long[] local = new long[BLOCKS];
    long[] remote = new long[BLOCKS];
    long[] length = new long[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
      local[i] = LOCAL + 2L * i;
      remote[i] = REMOTE + 2L * i;
      length[i] = 1;
    }
    TransferTask task =
        new TransferTask(
            Operation.WRITE,
            BlockColumns.of(local, remote, length),
            region,
            buffers,
            (end, _, why) -> {
              state = end;
              cause = why;
            });
    new StagedTask(task, buffers, this, inner::add).begin();
    return task;
  }

  private static int claim(TransferTask task) {
    return task.claim((_, _, _, _, _, _) -> {}, Integer.MAX_VALUE, Long.MAX_VALUE, Long.MAX_VALUE);
  }

  private void fail(TransferTask task, FailureCause why) {
    task.end(TransferState.FAILED, failure, why);
  }

  /** Or else all of it is sent again, to memory that may have changed since. */
  @Test
  void whatHadEffectInOneRoundIsNotRepeatedForAnother() {
    var _ = begin();
    assertThat(inner).hasSize(3);
    int requests = claim(inner.getFirst());
    inner.getFirst().completed(requests, inner.getFirst().totalBytes());
    fail(inner.get(1), FailureCause.STALE_DESCRIPTOR);
    fail(inner.get(2), FailureCause.STALE_DESCRIPTOR);
    assertThat(state).isEqualTo(TransferState.FAILED);
    assertThat(cause).isEqualTo(FailureCause.CONNECTION_LOST);
    assertThat(slots).isZero();
  }

  @Test
  void norForOneThatIsUnderWay() {
    var _ = begin();
    int requests = claim(inner.get(2));
    fail(inner.getFirst(), FailureCause.STALE_DESCRIPTOR);
    fail(inner.get(1), FailureCause.STALE_DESCRIPTOR);
    assertThat(state).isNull();
    inner.get(2).completed(requests, inner.get(2).totalBytes());
    assertThat(cause).isEqualTo(FailureCause.CONNECTION_LOST);
    assertThat(slots).isZero();
  }

  @Test
  void whatHadNoEffectMayBeRepeated() {
    var _ = begin();
    inner.forEach(each -> fail(each, FailureCause.STALE_DESCRIPTOR));
    assertThat(cause).isEqualTo(FailureCause.STALE_DESCRIPTOR);
    assertThat(slots).isZero();
  }

  /** A staged task claims before it knows whether there is a connection. */
  @Test
  void whatWasOnlyCopiedHasNotBegun() {
    TransferTask task = begin();
    inner.forEach(each -> fail(each, FailureCause.CONNECT));
    assertThat(cause).isEqualTo(FailureCause.CONNECT);
    assertThat(task.isStarted()).isFalse();
    inner.clear();
    task = begin();
    fail(inner.getFirst(), FailureCause.CONNECT);
    inner.get(1).completed(claim(inner.get(1)), inner.get(1).totalBytes());
    fail(inner.get(2), FailureCause.CONNECT);
    assertThat(state).isEqualTo(TransferState.FAILED);
    assertThat(task.isStarted()).isTrue();
  }

  @Test
  void aSlotThatCannotBeTakenFailsTheTaskAfterItsRounds() {
    lack = new OutOfMemoryError("for the test");
    TransferTask task = begin();
    assertThat(inner).hasSize(1);
    assertThat(state).isEqualTo(TransferState.FAILED);
    assertThat(cause).isEqualTo(FailureCause.LOCAL);
    assertThat(task.isQuiet()).isTrue();
    assertThat(slots).isZero();
  }
}
